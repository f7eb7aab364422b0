import pickle

import pytest

import psccnet
from psccnet import errors

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
