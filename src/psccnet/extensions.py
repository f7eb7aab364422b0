"""Find a user's own code by name: "package.module:attribute", or an entry point of an installed package.

The groups of entry points are `psccnet.comparators`, `psccnet.datasets` and `psccnet.manipulations`;
docs/extending.md has an example of each.
"""

import hashlib
import importlib
import inspect
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from psccnet.errors import InputError, listed

_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_import_path(name: str) -> bool:
    """Whether a name has the form package.module:attribute.

    Examples:
        >>> is_import_path("mine.methods:Median"), is_import_path("default")
        (True, False)
    """
    return _PATH.fullmatch(name) is not None


def find_extension(name: str, group: str) -> Any | None:
    """Import the object of a given name.

    Args:
        name: package.module:attribute, where the module may be in the current folder; or an entry point's name.
        group: the group of entry points to search, such as "psccnet.comparators".

    Returns:
        The object; None if the name has neither form.

    Raises:
        InputError: if there is no such module or attribute, or a module that it imports is missing. Other exceptions
            of the user's own code are not caught.

    Examples:
        >>> find_extension("math:sqrt", "psccnet.comparators")(9.0)
        3.0
        >>> find_extension("default", "psccnet.comparators") is None
        True
    """
    for entry_point in entry_points(group=group):
        if entry_point.name == name:
            return _import_attribute(entry_point.module, entry_point.attr, name)
    if not is_import_path(name):
        return None
    module, _, attribute = name.partition(":")
    return _import_attribute(module, attribute, name)


def _import_attribute(module: str, attribute: str, name: str) -> Any:
    """Import `attribute`, which may have dots, of `module`; messages begin with `name`."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last, so that a file in the folder never hides an installed package
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(error.name + ".")):
            raise InputError(
                f"{name}: there is no module {error.name} in this folder or among the installed packages; check the"
                " name."
            ) from error
        raise InputError(f"{name}: {module} needs the module {error.name}, which is missing; install it.") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [known for known in vars(found) if not known.startswith("_")]
            raise InputError(f"{name}: {module} has no {attribute}; it has {listed(public, 10) or 'nothing'}.")
        found = getattr(found, part)
    return found


def identity_of(thing: object) -> str:
    """The sha256 of the file that defines a function, a class or an object's class; it changes when the file does."""
    definition = thing if inspect.isfunction(thing) or inspect.isclass(thing) else type(thing)
    try:
        file = Path(inspect.getfile(definition))
    except (OSError, TypeError):  # defined by the interpreter or in a compiled module
        return f"{definition.__module__}.{definition.__qualname__}"
    return hashlib.sha256(file.read_bytes()).hexdigest()
