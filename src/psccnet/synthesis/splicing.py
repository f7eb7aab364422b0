"""Splicing: a region of another photograph pasted into the host (paper, section III-D)."""

import numpy as np

from psccnet.pictures.sample import Picture
from psccnet.synthesis.forgery import Forgery
from psccnet.synthesis.seams import blend
from psccnet.synthesis.synthesis_recipe import Range, SynthesisRecipe
from psccnet.synthesis.transforms import Alpha, bend, change_luminance, draw_affine, draw_centre, mean_change, place


def splice(
    rng: np.random.Generator, host: Picture, donor: Picture, alpha: Alpha, recipe: SynthesisRecipe, area: Range
) -> Forgery | None:
    """Paste a region of a donor into the host after random scale, rotation, shift, luminance changes and bending.

    Args:
        rng: source of randomness.
        host: SxSx3 uint8.
        donor: hxwx3 uint8, cut to the region and a margin.
        alpha: hxw float32 in 0..1, the region.
        recipe: probabilities and ranges.
        area: range of the forged fraction.

    Returns:
        The forgery, or None if the draw left the area's range or changed too little.
    """
    affine = draw_affine(rng, recipe, float(alpha.sum()), area)
    if rng.random() < recipe.transform:
        donor = change_luminance(donor, rng.uniform(-recipe.luminance, recipe.luminance))
    donor, alpha = bend(rng, donor, alpha, recipe)
    centre = draw_centre(rng, recipe, alpha, affine)
    pasted, laid = place(donor, alpha, affine, centre, recipe.size)
    forgery = blend(rng, host, pasted, laid, recipe)
    if not area[0] <= forgery.mask.mean() <= area[1]:
        return None
    return forgery if mean_change(host, forgery.picture, forgery.mask) >= recipe.min_change else None
