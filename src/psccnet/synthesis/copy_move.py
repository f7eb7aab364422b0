"""Copy-move: a region of the host pasted elsewhere into the same picture (paper, section III-D)."""

from dataclasses import replace

import cv2
import numpy as np

from psccnet.pictures.sample import Mask, Picture
from psccnet.synthesis.forgery import Forgery, united
from psccnet.synthesis.seams import blend
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe
from psccnet.synthesis.transforms import Affine, Alpha, bend, draw_affine, draw_centre, mean_change, place, tight_crop

_CANDIDATES = 8
"""Number of places to compare for a copy that should be inconspicuous."""


def copy_move(rng: np.random.Generator, host: Picture, region: Mask, recipe: SynthesisRecipe) -> Forgery | None:
    """Copy a region of the host to one, two or three other places in it.

    Args:
        rng: source of randomness.
        host: SxSx3 uint8.
        region: SxS bool, the source of the copy.
        recipe: probabilities and ranges.

    Returns:
        The forgery: `mask` marks the copies, `source` the region. None if the copies are outside the range of areas,
        cover too much of the region, or change too little.

    Examples:
        >>> rng = np.random.default_rng(3)
        >>> host = rng.integers(0, 256, (64, 64, 3), np.uint8)
        >>> region = np.zeros((64, 64), bool)
        >>> region[8:24, 8:24] = True
        >>> forgery = copy_move(rng, host, region, SynthesisRecipe(size=64))
        >>> int(region.sum()), bool((forgery.source == region).all()), int((forgery.mask & region).sum())
        (256, True, 0)
    """
    if not region.any():
        return None
    count = int(rng.integers(2, 4)) if rng.random() < recipe.copy_move.copies else 1
    forgery: Forgery | None = None
    for _ in range(count):
        copied = _copy(rng, host, region, forgery, recipe)
        forgery = united(forgery, copied, recipe.copy_move.area[1]) or forgery
    return None if forgery is None else replace(forgery, source=region)


def _copy(
    rng: np.random.Generator, host: Picture, region: Mask, before: Forgery | None, recipe: SynthesisRecipe
) -> Forgery | None:
    """Add one copy of the region to the forgery so far; None if it would cover an earlier copy."""
    transform = recipe.copy_move.transform
    piece, alpha = tight_crop(host, region.astype(np.float32))
    if rng.random() < recipe.copy_move.pure_shift:
        affine = Affine()
    else:
        affine = draw_affine(rng, transform, recipe.size, float(region.sum()), recipe.copy_move.area)
        piece, alpha = bend(rng, piece, alpha, transform)
    count = _CANDIDATES if rng.random() < recipe.copy_move.similar else 1
    centre = _most_alike(
        host, piece, alpha, [draw_centre(rng, transform, recipe.size, alpha, affine) for _ in range(count)]
    )
    pasted, laid = place(piece, alpha, affine, centre, recipe.size)
    copy = laid > 0.5
    if (region & copy).sum() > recipe.copy_move.overlap * min(region.sum(), copy.sum()):
        return None
    if before is not None and (before.mask & copy).any():
        return None
    forgery = blend(rng, host if before is None else before.picture, pasted, laid, recipe)
    low, high = recipe.copy_move.area
    if (
        not low <= forgery.mask.mean() <= high
        or mean_change(host, forgery.picture, forgery.mask) < recipe.copy_move.min_change
    ):
        return None
    return forgery


def _most_alike(host: Picture, piece: Picture, alpha: Alpha, centres: list[tuple[int, int]]) -> tuple[int, int]:
    """The centre (x, y) around which the host's mean and standard deviation are closest to the piece's.

    This may be the piece's own place; the caller refuses copies that cover their source.
    """
    if len(centres) == 1:
        return centres[0]
    inside = piece[alpha > 0.5].astype(np.float32)
    own = np.concatenate([inside.mean(axis=0), inside.std(axis=0)])
    height, width = (max(1, side // 2) for side in alpha.shape)

    def difference(centre: tuple[int, int]) -> float:
        x, y = centre
        box = host[max(0, y - height) : y + height + 1, max(0, x - width) : x + width + 1]
        mean, spread = cv2.meanStdDev(box)
        return float(np.abs(np.concatenate([mean, spread]).ravel() - own).sum())

    return min(centres, key=difference)
