import ast
import builtins
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import psccnet
from psccnet import errors
from psccnet.errors import InputError
from psccnet.metrics import auc
from psccnet.pictures.whole_files import parse_json

KINDS = {
    errors.InputError: ValueError,
    errors.MissingFileError: FileNotFoundError,
    errors.PictureError: ValueError,
    errors.UnusableFileError: ValueError,
    errors.WeightsError: ValueError,
    errors.ExportError: ValueError,
    errors.NotANumberError: FloatingPointError,
    errors.WriteError: OSError,
}


def test_the_kinds_are_all_of_them() -> None:
    assert set(errors.PsccnetError.__subclasses__()) == set(KINDS)
    assert psccnet.errors is errors


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_the_builtin_that_one_expects(kind: type[errors.PsccnetError]) -> None:
    words = ("a.jpg", "is a word; mend it.") if kind is errors.UnusableFileError else ("a.jpg: is a word; mend it.",)
    error = kind(*words)
    assert isinstance(error, KINDS[kind])
    assert str(error) == "a.jpg: is a word; mend it."
    again = pickle.loads(pickle.dumps(error))  # as when it comes out of another process
    assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))


def test_whose_fault_it_is() -> None:
    with pytest.raises(ValueError, match="scores must be finite") as ours:
        auc(np.array([np.nan]), np.array([True]))
    with pytest.raises(InputError) as wrapped:
        parse_json(b"{", "a.json")
    cause = wrapped.value.__cause__
    assert cause is not None
    assert errors.arose_here(ours.value)
    assert errors.arose_here(wrapped.value)
    assert not errors.arose_here(cause)


def test_the_kinds_are_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "how-to.md").read_text(encoding="utf-8")
    for kind, builtin in KINDS.items():
        assert f"| `{kind.__name__}` | `{builtin.__name__}` | " in text


FOR_PROGRAMMERS = {
    "metrics.py": "pure functions",
    "network/architecture.py": "turned into an InputError by Pydantic's ValidationError",
    "network/psccnet.py": "no command and no recipe names a scale that is none",
    "pictures/encoding.py": "of a picture that was made here",
    "pictures/tiff_pages.py": "caught where directories are walked",
    "synthesis/endings.py": "pictures of sets are cut square before",
    "synthesis/sections.py": "turned into an InputError by Pydantic's ValidationError",
    "synthesis/synthesis_recipe.py": "turned into an InputError by Pydantic's ValidationError",
    "synthesis/synthesizer.py": "no command and no recipe names a manipulation",
    "synthesis/transforms.py": "of a region that was drawn here",
    "training/recipe.py": "turned into an InputError by Pydantic's ValidationError",
}
"""Files that may raise a builtin, and why no command and no recipe of a user's gets it raised."""


def builtins_raised(path: Path) -> Iterator[str]:
    """The builtin exceptions that a file raises with a message of its own."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            kind = getattr(builtins, node.exc.func.id, None)
            if isinstance(kind, type) and issubclass(kind, Exception) and kind is not AttributeError:
                yield f"{path}:{node.lineno} {kind.__name__}"


def test_what_a_user_can_do_wrong_has_a_kind() -> None:
    root = Path(psccnet.__file__).parent
    found = {path.relative_to(root).as_posix(): list(builtins_raised(path)) for path in sorted(root.rglob("*.py"))}
    assert {name: of for name, of in found.items() if of and name not in FOR_PROGRAMMERS} == {}
    assert all(found[name] for name in FOR_PROGRAMMERS)
