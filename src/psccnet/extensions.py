"""Code of a user by its name: "package.module:attribute", or an entry point of an installed package.

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


def is_import_path(words: str) -> bool:
    """Whether words have the form package.module:attribute."""
    return _PATH.fullmatch(words) is not None


def find_extension(words: str, group: str) -> Any | None:
    """The object that words name.

    Args:
        words: package.module:attribute, where the module may lie in the current folder, or an entry point's name.
        group: of entry points, such as "psccnet.comparators".

    Returns:
        The object; None where the words are neither.

    Raises:
        InputError: if there is no such module or attribute, or a module that it needs is missing. What goes wrong in
            the user's own code is raised as it is.
    """
    for one in entry_points(group=group):
        if one.name == words:
            return _imported(one.module, one.attr, words)
    if not is_import_path(words):
        return None
    module, _, attribute = words.partition(":")
    return _imported(module, attribute, words)


def _imported(name: str, attribute: str, words: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last, so that a file there cannot stand in for an installed package
    try:
        found: Any = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise InputError(
                f"{words}: there is no module {error.name} in this folder or among the installed packages; check the"
                " name."
            ) from error
        raise InputError(f"{words}: {name} needs the module {error.name}, which is not there; install it.") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [one for one in vars(found) if not one.startswith("_")]
            raise InputError(f"{words}: {name} has no {attribute}; it has {listed(public, 10) or 'nothing'}.")
        found = getattr(found, part)
    return found


def identity_of(thing: object) -> str:
    """Changes when the file that a function, a class or an object of it was written in does: the file's sha256."""
    written = thing if inspect.isfunction(thing) or inspect.isclass(thing) else type(thing)
    try:
        file = Path(inspect.getfile(written))
    except (OSError, TypeError):
        return f"{written.__module__}.{written.__qualname__}"  # of the interpreter or a compiled module
    return hashlib.sha256(file.read_bytes()).hexdigest()
