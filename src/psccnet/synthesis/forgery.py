"""The result of a manipulation, before the last step that all classes share."""

from dataclasses import dataclass

from psccnet.pictures.sample import Mask, Picture


@dataclass(frozen=True)
class Forgery:
    """A manipulated picture.

    Attributes:
        picture: SxSx3 uint8.
        mask: SxS bool, true where forged.
        method: the seam of a paste ("hard", "feathered", "poisson") or the fill of a removal.
        source: SxS bool, where a copy-move copied from; otherwise None.
    """

    picture: Picture
    mask: Mask
    method: str
    source: Mask | None = None


def united(first: Forgery | None, second: Forgery | None, most: float) -> Forgery | None:
    """Combine `first` with `second`, which was made in its picture.

    Returns:
        The combined forgery; None if `second` is None or the forged fraction would exceed `most`.

    Examples:
        >>> import numpy as np
        >>> picture, mask = np.zeros((4, 4, 3), np.uint8), np.eye(4, dtype=bool)
        >>> first, second = Forgery(picture, mask, "hard"), Forgery(picture, mask[::-1], "poisson")
        >>> both = united(first, second, most=0.6)
        >>> both.method, float(both.mask.mean())
        ('hard, poisson', 0.5)
        >>> united(first, second, most=0.4) is None
        True
    """
    if second is None or first is None:
        return second
    mask = first.mask | second.mask
    source = first.source if second.source is None else second.source
    method = ", ".join(dict.fromkeys([*first.method.split(", "), second.method]))
    return Forgery(second.picture, mask, method, source) if mask.mean() <= most else None
