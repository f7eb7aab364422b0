"""Copy-move: a region of the host pasted elsewhere into the same picture (paper, section III-D)."""

from dataclasses import replace

import numpy as np

from psccnet.pictures.sample import Mask, Picture
from psccnet.synthesis.forgery import Forgery
from psccnet.synthesis.seams import blend
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe
from psccnet.synthesis.transforms import Affine, bend, draw_affine, draw_centre, mean_change, place, tight_crop


def copy_move(rng: np.random.Generator, host: Picture, region: Mask, recipe: SynthesisRecipe) -> Forgery | None:
    """Copy a region of the host to another place of it.

    Args:
        rng: source of randomness.
        host: SxSx3 uint8.
        region: SxS bool, the source of the copy.
        recipe: probabilities and ranges.

    Returns:
        The forgery, its mask that of the copy and not of its source, which is kept beside it; or None if the draw
        left the area's range, covered too much of its own source or changed too little.
    """
    if not region.any():
        return None
    piece, alpha = tight_crop(host, region.astype(np.float32))
    if rng.random() < recipe.pure_shift:
        affine = Affine()
    else:
        affine = draw_affine(rng, recipe, float(region.sum()), recipe.copy_area)
        piece, alpha = bend(rng, piece, alpha, recipe)
    centre = draw_centre(rng, recipe, alpha, affine)
    pasted, laid = place(piece, alpha, affine, centre, recipe.size)
    if (region & (laid > 0.5)).sum() > recipe.copy_overlap * min(region.sum(), (laid > 0.5).sum()):
        return None
    forgery = blend(rng, host, pasted, laid, recipe)
    low, high = recipe.copy_area
    if not low <= forgery.mask.mean() <= high or mean_change(host, forgery.picture, forgery.mask) < recipe.min_change:
        return None
    return replace(forgery, source=region)
