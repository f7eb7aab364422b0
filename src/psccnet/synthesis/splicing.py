"""Splicing: a region of another photograph pasted into the host (paper, section III-D)."""

import cv2
import numpy as np

from psccnet.pictures.sample import Mask, Picture
from psccnet.synthesis.forgery import Forgery
from psccnet.synthesis.seams import blend
from psccnet.synthesis.sections import Range
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe
from psccnet.synthesis.transforms import Alpha, bend, change_luminance, draw_affine, draw_centre, mean_change, place

_LEAST = 16
"""Least number of pixels for a mean and a standard deviation."""


def splice(
    rng: np.random.Generator, host: Picture, donor: Picture, alpha: Alpha, recipe: SynthesisRecipe, area: Range
) -> Forgery | None:
    """Paste a region of a donor into the host after random scale, rotation, shift, luminance changes and bending.

    Args:
        rng: source of randomness.
        host: SxSx3 uint8.
        donor: hxwx3 uint8, cropped to the region and a margin.
        alpha: hxw float32 in 0..1, the region.
        recipe: probabilities and ranges.
        area: range of the forged fraction.

    Returns:
        The forgery; None if its area is outside the range or it changes too little.
    """
    transform = recipe.splicing.transform
    affine = draw_affine(rng, transform, recipe.size, float(alpha.sum()), area)
    if rng.random() < transform.share:
        donor = change_luminance(donor, rng.uniform(-recipe.splicing.luminance, recipe.splicing.luminance))
    donor, alpha = bend(rng, donor, alpha, transform)
    centre = draw_centre(rng, transform, recipe.size, alpha, affine)
    pasted, laid = place(donor, alpha, affine, centre, recipe.size)
    if rng.random() < recipe.splicing.harmonised:
        pasted = harmonise(host, pasted, laid > 0.5, rng.uniform(0.5, 1.0))
    forgery = blend(rng, host, pasted, laid, recipe)
    if not area[0] <= forgery.mask.mean() <= area[1]:
        return None
    return forgery if mean_change(host, forgery.picture, forgery.mask) >= recipe.splicing.min_change else None


def harmonise(host: Picture, pasted: Picture, mask: Mask, strength: float) -> Picture:
    """Adapt colours and brightness of a pasted region to those of the host around it (Reinhard et al., 2001).

    Args:
        host: SxSx3 uint8.
        pasted: SxSx3 uint8.
        mask: SxS bool, where `pasted` will be visible.
        strength: 0 changes nothing; 1 gives brightness and colour differences the mean and, within limits, the
            standard deviation of the host around the mask.

    Returns:
        SxSx3 uint8; `pasted` itself if there are too few pixels to compare.
    """
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    gap = max(4, max(width, height) // 4)
    rows, columns = slice(max(0, y - gap), y + height + gap), slice(max(0, x - gap), x + width + gap)
    inside = mask[rows, columns]
    if inside.sum() < _LEAST or (~inside).sum() < _LEAST:
        return pasted
    around = cv2.cvtColor(host[rows, columns].astype(np.float32), cv2.COLOR_RGB2YCrCb)[~inside]
    box = cv2.cvtColor(pasted[rows, columns].astype(np.float32), cv2.COLOR_RGB2YCrCb)
    region = box[inside]
    spread = (around.std(axis=0) / np.maximum(region.std(axis=0), 1)).clip(0.6, 1.6) ** strength
    middle = region.mean(axis=0)
    box = (box - middle) * spread + middle + strength * (around.mean(axis=0) - middle)
    result = pasted.copy()
    result[rows, columns] = np.rint(cv2.cvtColor(box.astype(np.float32), cv2.COLOR_YCrCb2RGB)).clip(0, 255)
    return result
