"""Copy-move: a region of the host pasted elsewhere into the same picture (paper, section III-D)."""

import numpy as np

from psccnet.datasets.sample import Mask, Picture
from psccnet.synthesis.recipe import SynthesisRecipe
from psccnet.synthesis.seams import blend
from psccnet.synthesis.transforms import Affine, draw_affine, draw_centre, mean_change, place, tight_crop


def copy_move(
    rng: np.random.Generator, host: Picture, region: Mask, recipe: SynthesisRecipe
) -> tuple[Picture, Mask] | None:
    """Copy a region of the host to another place of it.

    Args:
        rng: source of randomness.
        host: SxSx3 uint8.
        region: SxS bool, the source of the copy.
        recipe: probabilities and ranges.

    Returns:
        The forged picture and the SxS mask of the copy (not of its source), or None if the draw left the
        area's range, covered too much of its own source or changed too little.
    """
    if not region.any():
        return None
    piece, alpha = tight_crop(host, region.astype(np.float32))
    if rng.random() < recipe.pure_shift:
        affine = Affine()
    else:
        affine = draw_affine(rng, recipe, float(region.sum()), recipe.copy_area)
    centre = draw_centre(rng, recipe, alpha, affine)
    pasted, laid = place(piece, alpha, affine, centre, recipe.size)
    if (region & (laid > 0.5)).sum() > recipe.copy_overlap * min(region.sum(), (laid > 0.5).sum()):
        return None
    forged, mask = blend(rng, host, pasted, laid, recipe)
    low, high = recipe.copy_area
    if not low <= mask.mean() <= high or mean_change(host, forged, mask) < recipe.min_change:
        return None
    return forged, mask
