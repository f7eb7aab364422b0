"""What a manipulation yields, before the picture's common ending."""

from dataclasses import dataclass

from psccnet.pictures.sample import Mask, Picture


@dataclass(frozen=True)
class Forgery:
    """A manipulated picture.

    Attributes:
        picture: SxSx3 uint8.
        mask: SxS bool, true where forged.
        method: the seam of a paste ("hard", "feathered", "poisson") or the fill of a removal.
        source: SxS bool, where a copy-move took its pixels.
    """

    picture: Picture
    mask: Mask
    method: str
    source: Mask | None = None
