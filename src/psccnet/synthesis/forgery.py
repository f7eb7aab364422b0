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


def united(first: Forgery | None, second: Forgery | None, most: float) -> Forgery | None:
    """What is left when `second` was made in the picture of `first`; None if it failed or forges more than `most`."""
    if second is None or first is None:
        return second
    mask = first.mask | second.mask
    source = first.source if second.source is None else second.source
    method = ", ".join(dict.fromkeys([*first.method.split(", "), second.method]))
    return Forgery(second.picture, mask, method, source) if mask.mean() <= most else None
