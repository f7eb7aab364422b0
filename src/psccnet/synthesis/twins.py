"""Scenes with two similar things, which a detector must not take for a copy-move."""

import cv2
import numpy as np

from psccnet.pictures.sample import Picture
from psccnet.synthesis.contours import log_uniform, random_contour
from psccnet.synthesis.transforms import Affine, change_luminance, place, tight_crop

_BLUR = 3.0
"""Sigma of the blur of the twin's alpha, in pixels of the scene; no seam is left after a camera reduced the scene."""


def with_twin(rng: np.random.Generator, scene: Picture) -> Picture:
    """Add a similar copy of a thing to a scene before a camera photographs it.

    In the picture, the two differ in noise, mosaic, compression, size, angle and brightness, so that no pixels are
    copies. The picture counts as pristine.

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
