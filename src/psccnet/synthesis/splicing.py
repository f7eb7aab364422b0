"""Splicing: a region of another photograph pasted into the host (paper, section III-D)."""

import numpy as np

from psccnet.datasets.sample import Mask, Picture
from psccnet.synthesis.recipe import SynthesisRecipe
from psccnet.synthesis.seams import blend
from psccnet.synthesis.transforms import Alpha, change_luminance, draw_affine, draw_centre, mean_change, place


def splice(
    rng: np.random.Generator, host: Picture, donor: Picture, alpha: Alpha, recipe: SynthesisRecipe
) -> tuple[Picture, Mask] | None:
    """Paste a region of a donor into the host after random scale, rotation, shift and luminance changes.

    Args:
        rng: source of randomness.
        host: SxSx3 uint8.
        donor: hxwx3 uint8, cut to the region and a margin.
        alpha: hxw float32 in 0..1, the region.
        recipe: probabilities and ranges.

    Returns:
        The forged picture and its SxS mask, or None if the draw left the area's range or changed too little.
    """
    affine = draw_affine(rng, recipe, float(alpha.sum()), recipe.splice_area)
    if rng.random() < recipe.transform:
        donor = change_luminance(donor, rng.uniform(-recipe.luminance, recipe.luminance))
    centre = draw_centre(rng, recipe, alpha, affine)
    pasted, laid = place(donor, alpha, affine, centre, recipe.size)
    forged, mask = blend(rng, host, pasted, laid, recipe)
    low, high = recipe.splice_area
    if not low <= mask.mean() <= high or mean_change(host, forged, mask) < recipe.min_change:
        return None
    return forged, mask
