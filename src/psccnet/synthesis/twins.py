"""Scenes with two things that look alike: what a detector of copies must not take for one."""

import cv2
import numpy as np

from psccnet.pictures.sample import Picture
from psccnet.synthesis.contours import log_uniform, random_contour
from psccnet.synthesis.transforms import Affine, change_luminance, place, tight_crop

_BLUR = 3.0
"""Of the twin's alpha, in pixels of the scene, so that no seam is left when a camera has reduced the scene."""


def with_twin(rng: np.random.Generator, scene: Picture) -> Picture:
    """Give a scene a thing twice, before a camera photographs both.

    No two pixels are copies in the picture then: noise, mosaic and compression are each thing's own, and size, angle
    and light differ. The picture is pristine.

    Args:
        rng: source of randomness.
        scene: SxSx3 uint8.

    Returns:
        SxSx3 uint8.
    """
    size = scene.shape[0]
    piece, alpha = tight_crop(scene, random_contour(rng, size, (0.02, 0.1), 0.7).astype(np.float32))
    piece = change_luminance(piece, rng.uniform(-16, 16))
    affine = Affine(log_uniform(rng, (0.8, 1.25)), float(rng.uniform(-15, 15)), bool(rng.random() < 0.2))
    x, y = (int(rng.integers(size // 8, size - size // 8)) for _ in range(2))
    twin, laid = place(piece, alpha, affine, (x, y), size)
    soft = cv2.GaussianBlur(laid, (0, 0), _BLUR)[..., None]
    return np.rint(scene + soft * (twin.astype(np.float32) - scene)).clip(0, 255).astype(np.uint8)
