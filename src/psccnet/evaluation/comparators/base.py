"""What a comparator is asked, and what it answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from psccnet.pictures.sample import Picture

_SAME_SHAPE = 0.02
"""By how much the ratio of a mask's sides may differ from a picture's, for one of the same shape."""


class Localization(NamedTuple):
    """What a comparator says of a picture.

    Attributes:
        mask: (H, W) float32 at the picture's size, 0 pristine .. 1 forged.
        score: that it is forged, 0..1.
    """

    mask: NDArray[np.float32]
    score: float


@dataclass(frozen=True)
class Question:
    """A picture to be looked at.

    Attributes:
        image: (H, W, 3) uint8, RGB, distorted and resized as the protocol says.
        id: of the picture in its set.
        set: the data set, or "".
        condition: name of what was done to it; "" for nothing.
        exit_scale: the finest mask to compute, for methods that have several (1..4).
        orientation: EXIF's of the picture's file, 1..8; the image is upright.
        file: the picture's file where the image has just its pixels; None where something was done to them.
    """

    image: Picture
    id: str
    set: str = ""
    condition: str = ""
    exit_scale: int = 1
    orientation: int = 1
    file: Path | None = None


class Comparator(Protocol):
    """A method of localization and detection.

    Attributes:
        name: short, as in rows, tables and folders.
        identity: what would change if its answers did: a hash of weights, or a version of the method.
        threshold: score from which it calls a picture forged; NaN where it has no such verdict.
        exit_scales: whether it has masks of several scales.
    """

    @property
    def name(self) -> str:
        """Short name."""

    @property
    def identity(self) -> str:
        """Changes when the answers do."""

    @property
    def threshold(self) -> float:
        """Of the verdict, or NaN."""

    @property
    def exit_scales(self) -> bool:
        """Whether exit scales other than 1 mean anything to it."""

    def localize(self, question: Question, /) -> Localization:
        """Look at one picture."""


def lies_on_its_side(mask: NDArray[np.generic], height: int, width: int) -> bool:
    """Whether a mask has the sides' ratio of a picture, height x width, that was turned by a quarter, and not its own.

    Other ratios are those of networks that squeeze every picture to one size.

    Examples:
        >>> lies_on_its_side(np.zeros((300, 400)), height=800, width=600)
        True
        >>> lies_on_its_side(np.zeros((256, 256)), height=800, width=600)
        False
    """
    return _has_shape(mask, width, height) and not _has_shape(mask, height, width)


def _has_shape(values: NDArray[np.generic], height: int, width: int) -> bool:
    """Whether a mask, of whatever size, has the sides' ratio of a picture."""
    return bool(abs(values.shape[0] * width / (values.shape[1] * height) - 1) <= _SAME_SHAPE)
