"""Users' own manipulations in the synthesis, by an import path or an entry point."""

from typing import Any

import numpy as np

from psccnet.errors import InputError
from psccnet.extensions import find_extension, is_import_path
from psccnet.pictures.sample import MANIPULATIONS, Picture
from psccnet.synthesis.forgery import Forgery

GROUP = "psccnet.manipulations"


def name_of(manipulation: str) -> str:
    """The name of a manipulation in samples: the attribute of an import path; any other name unchanged.

    Examples:
        >>> name_of("mine.forgeries:mirror"), name_of("splicing")
        ('mirror', 'splicing')
    """
    return manipulation.rpartition(":")[2] if is_import_path(manipulation) else manipulation


def forge(manipulation: str, picture: Picture, rng: np.random.Generator) -> Forgery | None:
    """Forge a picture by a user's own manipulation.

    It is a function of the picture, (S, S, 3) uint8 RGB, and of the generator to draw from. It returns the forged
    picture, of the same shape and dtype, and its mask, (S, S) bool, true where forged; or None if it cannot forge this
    picture, and is then called again.

    Args:
        manipulation: import path or entry point of the function.
        picture: (S, S, 3) uint8 RGB.
        rng: source of randomness.

    Raises:
        InputError: if there is no such function, or it returns something else.
    """
    function: Any = find_extension(manipulation, GROUP)
    if not callable(function):
        raise InputError(
            f"{manipulation}: not a manipulation; there are {', '.join(MANIPULATIONS)}, and package.module:function for"
            " one of your own (docs/extending.md)."
        )
    result = function(picture.copy(), rng)
    if result is None:
        return None
    forged, mask = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
    size = picture.shape[:2]
    if not (isinstance(forged, np.ndarray) and (forged.shape, forged.dtype) == (picture.shape, picture.dtype)):
        raise InputError(f"{manipulation}: returned no picture; return one of {picture.shape} uint8, and its mask.")
    if not (isinstance(mask, np.ndarray) and (mask.shape, mask.dtype) == (size, np.bool_)):
        raise InputError(
            f"{manipulation}: returned no mask with its picture; return one of {size} bool, true where forged."
        )
    return Forgery(forged, mask, name_of(manipulation)) if mask.any() else None
