"""Removal: a region of the host is filled in (Section III-D)."""

from collections.abc import Callable

import cv2
import numpy as np

from psccnet.pictures.sample import Mask, Picture
from psccnet.synthesis.fills import diffuse, frequency_selective, learned, patch, shift_map
from psccnet.synthesis.forgery import Forgery
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe
from psccnet.synthesis.transforms import mean_change

_DILATION = np.ones((9, 9), np.uint8)


def remove(rng: np.random.Generator, host: Picture, region: Mask, recipe: SynthesisRecipe) -> Forgery | None:
    """Remove a region, dilated by 4 pixels, and fill it by one of the recipe's methods.

    Args:
        rng: source of randomness.
        host: SxSx3 uint8.
        region: SxS bool, the region to remove.
        recipe: probabilities and ranges.

    Returns:
        The forgery; None if the area is outside its range, no fill was found, or the fill changes too little.

    Examples:
        >>> host = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        >>> remove(np.random.default_rng(0), host, np.zeros((64, 64), bool), SynthesisRecipe(size=64)) is None
        True
    """
    mask = cv2.dilate(region.astype(np.uint8), _DILATION).astype(np.bool_)
    low, high = recipe.removal.area
    if not low <= mask.mean() <= high:
        return None
    method = _draw_method(rng, recipe)
    fills: dict[str, Callable[[], tuple[Picture, Mask] | None]] = {
        "Telea": lambda: diffuse(rng, host, mask, cv2.INPAINT_TELEA, recipe),
        "Navier-Stokes": lambda: diffuse(rng, host, mask, cv2.INPAINT_NS, recipe),
        "frequency-selective": lambda: frequency_selective(host, mask),
        "shift-map": lambda: shift_map(host, mask),
        "learned": lambda: learned(host, mask, str(recipe.removal.inpainter)),
        "patch": lambda: patch(rng, host, mask),
    }
    filled = fills[method]()
    if filled is None:
        return None
    picture, mask = filled
    if not low <= mask.mean() <= high or mean_change(host, picture, mask) < recipe.removal.min_change:
        return None
    return Forgery(picture, mask, method)


def _draw_method(rng: np.random.Generator, recipe: SynthesisRecipe) -> str:
    shares = {
        "Telea": recipe.removal.telea,
        "Navier-Stokes": recipe.removal.navier_stokes,
        "frequency-selective": recipe.removal.frequency,
        "shift-map": recipe.removal.shift_map,
        "learned": recipe.removal.learned,
    }
    left = rng.random()
    for method, share in shares.items():
        left -= share
        if left < 0:
            return method
    return "patch"
