"""A manipulation of the user's own in the synthesis, found by an import path or an entry point."""

from typing import Any

import numpy as np

from psccnet.errors import InputError
from psccnet.extensions import find_extension, is_import_path
from psccnet.pictures.sample import MANIPULATIONS, Picture
from psccnet.synthesis.forgery import Forgery

GROUP = "psccnet.manipulations"


def name_of(words: str) -> str:
    """What samples of a manipulation are called: the attribute of an import path, otherwise the words themselves."""
    return words.rpartition(":")[2] if is_import_path(words) else words


def forge(words: str, picture: Picture, rng: np.random.Generator) -> Forgery | None:
    """Forge a picture by a manipulation of the user's own.

    The function is given the picture, (S, S, 3) uint8 RGB, and the generator of everything that it draws. It returns
    the forged picture, of the same shape and type, and its mask, (S, S) bool, true where it forged; or None where it
    cannot forge this picture, whereupon it is asked again.

    Raises:
        InputError: if there is no such function, or its answer is no picture and mask.
    """
    function: Any = find_extension(words, GROUP)
    if not callable(function):
        raise InputError(
            f"{words}: is no manipulation; there are {', '.join(MANIPULATIONS)}, and package.module:function for one of"
            " your own (docs/extending.md)."
        )
    answer = function(picture.copy(), rng)
    if answer is None:
        return None
    forged, mask = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
    size = picture.shape[:2]
    if not (isinstance(forged, np.ndarray) and (forged.shape, forged.dtype) == (picture.shape, picture.dtype)):
        raise InputError(f"{words}: returned no picture; return one of {picture.shape} uint8, and its mask.")
    if not (isinstance(mask, np.ndarray) and (mask.shape, mask.dtype) == (size, np.bool_)):
        raise InputError(f"{words}: returned no mask with its picture; return one of {size} bool, true where forged.")
    return Forgery(forged, mask, name_of(words)) if mask.any() else None
