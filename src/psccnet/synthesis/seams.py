"""Blend a pasted region into its host: with a hard, feathered or Poisson-blended seam."""

import cv2
import numpy as np

from psccnet.pictures.sample import Mask, Picture
from psccnet.synthesis.forgery import Forgery
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe
from psccnet.synthesis.transforms import Alpha

_FRAME_GAP = 2
HOSTS_RIM = np.ones((7, 7), np.uint8)
"""`cv2.seamlessClone` takes the gradients of the host within 3 pixels of its mask's border."""


def blend(rng: np.random.Generator, host: Picture, pasted: Picture, alpha: Alpha, recipe: SynthesisRecipe) -> Forgery:
    """Paste `pasted` over `host` with a seam drawn from the recipe.

    Args:
        rng: source of randomness.
        host: SxSx3 uint8.
        pasted: SxSx3 uint8, the region at its final place.
        alpha: SxS float32 in 0..1, the region's opacity.
        recipe: probabilities of the seams.

    Returns:
        The forgery; its mask is true where alpha is above one half, or further inside for a Poisson-blended seam.
    """
    seam = rng.random()
    mask = alpha > 0.5
    if seam < recipe.seams.hard:
        return Forgery(np.where(mask[..., None], pasted, host), mask, "hard")
    if seam < recipe.seams.hard + recipe.seams.feathered:
        sigma, name = rng.uniform(*recipe.seams.feather_sigma), "feathered"
        if rng.random() < recipe.seams.soft:
            sigma, name = max(sigma, rng.uniform(*recipe.seams.soft_sigma) * float(mask.sum()) ** 0.5), "soft"
        soft = cv2.GaussianBlur(alpha, (0, 0), sigma)[..., None]
        mixed = host + soft * (pasted.astype(np.float32) - host)
        return Forgery(np.rint(mixed).clip(0, 255).astype(np.uint8), mask, name)
    return Forgery(*poisson(host, pasted, mask), "poisson")


def poisson(host: Picture, pasted: Picture, mask: Mask) -> tuple[Picture, Mask]:
    """Blend the gradients of `pasted` into `host` inside `mask` (Perez et al., 2003).

    The mask is first cleared near the frame, where the solver has no boundary values. The result is changed, and
    marked, only 3 pixels or more inside the mask, where the gradients are those of `pasted`; the mask may be empty.

    Returns:
        SxSx3 uint8, and the mask of what was changed, SxS bool.

    Examples:
        >>> host, pasted = np.full((32, 32, 3), 100, np.uint8), np.full((32, 32, 3), 200, np.uint8)
        >>> mask = np.zeros((32, 32), bool)
        >>> mask[8:24, 8:24] = True
        >>> blended, changed = poisson(host, pasted, mask)
        >>> int(mask.sum()), int(changed.sum()), bool((blended[~changed] == 100).all())
        (256, 100, True)
    """
    inner = np.zeros_like(mask)
    gap = slice(_FRAME_GAP, -_FRAME_GAP)
    inner[gap, gap] = mask[gap, gap]
    x, y, width, height = cv2.boundingRect(inner.astype(np.uint8))
    if width < 4 or height < 4:
        return host, np.zeros_like(mask)
    centre = (x + width // 2, y + height // 2)
    cloned = cv2.seamlessClone(pasted, host, inner.astype(np.uint8) * 255, centre, cv2.NORMAL_CLONE)
    marked = cv2.erode(inner.astype(np.uint8), HOSTS_RIM).astype(np.bool_)
    return np.where(marked[..., None], np.asarray(cloned, np.uint8), host), marked
