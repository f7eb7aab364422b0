"""Removal: a region taken out of the host and filled in again (paper, section III-D)."""

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from psccnet.datasets.sample import Mask, Picture
from psccnet.synthesis.recipe import SynthesisRecipe
from psccnet.synthesis.seams import poisson
from psccnet.synthesis.transforms import mean_change

_Pixel = TypeVar("_Pixel", np.uint8, np.bool_)
_DILATION = np.ones((9, 9), np.uint8)
_RING = np.ones((13, 13), np.uint8)
_CANDIDATES = 8
_MAX_REUSE = 0.1


def remove(
    rng: np.random.Generator, host: Picture, region: Mask, recipe: SynthesisRecipe
) -> tuple[Picture, Mask] | None:
    """Remove a region, dilated by 4 pixels, and fill it by one of the recipe's methods.

    Args:
        rng: source of randomness.
        host: SxSx3 uint8.
        region: SxS bool, what to remove.
        recipe: probabilities and ranges.

    Returns:
        The forged picture and its SxS mask, or None if the area left its range, no fill was found or the fill
        can hardly be seen.
    """
    mask = cv2.dilate(region.astype(np.uint8), _DILATION).astype(np.bool_)
    low, high = recipe.removal_area
    if not low <= mask.mean() <= high:
        return None
    method = rng.random()
    if method < recipe.telea:
        forged = _diffuse(rng, host, mask, cv2.INPAINT_TELEA, recipe)
    elif method < recipe.telea + recipe.navier_stokes:
        forged = _diffuse(rng, host, mask, cv2.INPAINT_NS, recipe)
    else:
        patched = _patch(rng, host, mask)
        if patched is None:
            return None
        forged, mask = patched
    if not low <= mask.mean() <= high or mean_change(host, forged, mask) < recipe.removal_min_change:
        return None
    return forged, mask


def noise_level(picture: Picture) -> float:
    """Estimate the noise's standard deviation in grey levels from its finest diagonal detail (Donoho)."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = grey[: grey.shape[0] // 2 * 2, : grey.shape[1] // 2 * 2]
    detail = (grey[::2, ::2] - grey[1::2, ::2] - grey[::2, 1::2] + grey[1::2, 1::2]) / 2
    return float(np.median(np.abs(detail)) / 0.6745)


def _diffuse(rng: np.random.Generator, host: Picture, mask: Mask, method: int, recipe: SynthesisRecipe) -> Picture:
    """Fill by diffusion from the border (Telea, or Navier-Stokes), perhaps with the host's grain on top."""
    low, high = recipe.inpaint_radius
    filled = cv2.inpaint(host, mask.astype(np.uint8), float(rng.integers(low, high + 1)), method)
    if rng.random() < recipe.grain:
        # A diffused fill has no noise at all, which is too easy to see: give it as much as the host has.
        grain = rng.standard_normal((*mask.shape, 1), np.float32) * min(noise_level(host), 6.0)
        filled = np.rint(filled + grain).clip(0, 255)
    return np.where(mask[..., None], np.asarray(filled, np.uint8), host)


def _patch(rng: np.random.Generator, host: Picture, mask: Mask) -> tuple[Picture, Mask] | None:
    """Fill with the region of the same picture whose border fits best among a few random shifts."""
    size = mask.shape[0]
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    ring = cv2.dilate(mask.astype(np.uint8), _RING).astype(np.bool_) & ~mask
    best, least = None, np.inf
    for _ in range(_CANDIDATES):
        dx, dy = int(rng.integers(size - width + 1)) - x, int(rng.integers(size - height + 1)) - y
        if (_shifted(mask, dx, dy) & mask).sum() > _MAX_REUSE * mask.sum():
            continue  # it would bring back what is to be removed
        candidate = _shifted(host, dx, dy)
        mismatch = mean_change(host, candidate, ring)
        if mismatch < least:
            best, least = candidate, mismatch
    return None if best is None else poisson(host, best, mask)


def _shifted(picture: npt.NDArray[_Pixel], dx: int, dy: int) -> npt.NDArray[_Pixel]:
    # What wraps round lies outside the mask's box, so that only the ring's comparison may meet it.
    return np.roll(picture, (-dy, -dx), axis=(0, 1))
