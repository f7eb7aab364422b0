"""One picture with its ground truth, as every data set and the synthesizer yield it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

MANIPULATIONS = ("pristine", "splicing", "copy-move", "removal")
"""The four classes of the paper's synthetic data set (Section III-D). Other code relies on the order."""


@dataclass(frozen=True)
class Sample:
    """A picture, where it was forged, and how.

    Attributes:
        image: HxWx3 uint8 RGB.
        mask: HxW bool, true where forged; all false for a pristine picture; None where no mask is known.
        forged: whether anything in the picture was manipulated.
        manipulation: one of `MANIPULATIONS`, or the name of a user's own manipulation.
        id: unique within its data set.
        source: the file or photograph that the picture was made of.
        method: how it was forged, if that is known: the seam of a paste, the fill of a removal.
        source_mask: HxW bool of a copy-move, true where pixels were copied from; None if that is unknown. These
            pixels are not forged.
        orientation: EXIF orientation of the picture's file, 1..8; image and mask are upright.
        notes: remarks on the file, such as something unusual that does no harm.
    """

    image: Picture
    mask: Mask | None
    forged: bool
    manipulation: str
    id: str
    source: str
    method: str = ""
    source_mask: Mask | None = None
    orientation: int = 1
    notes: tuple[str, ...] = ()
