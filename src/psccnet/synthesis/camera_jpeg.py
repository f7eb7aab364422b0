"""JPEG compression with quantisation tables like those of camera makers."""

import numpy as np
import numpy.typing as npt

from psccnet.pictures.encoding import Encoding
from psccnet.synthesis.contours import log_uniform
from psccnet.synthesis.sections import CameraRecipe

# The tables of ITU-T T.81, Annex K, row by row, for quality 50.
_LUMINANCE = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
_CHROMINANCE = """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99"""
_STANDARD = [np.array(text.split(), np.float64) for text in (_LUMINANCE, _CHROMINANCE)]


def draw_camera_jpeg(rng: np.random.Generator, recipe: CameraRecipe) -> Encoding | None:
    """Draw a camera's compression; None for none. Its tables are flatter than the standard's, with stronger or weaker
    chroma."""
    if rng.random() >= recipe.jpeg:
        return None
    low, high = recipe.jpeg_quality
    quality = int(rng.integers(int(low), int(high) + 1))
    strength = (200 - 2 * quality) / 100 if quality >= 50 else 50 / quality
    luminance = _table(_STANDARD[0], strength, float(rng.uniform(0, 0.6)))
    chrominance = _table(_STANDARD[1], strength * log_uniform(rng, (0.4, 1.5)), float(rng.uniform(0, 0.6)))
    return Encoding(quality, bool(rng.random() < recipe.jpeg_420), (luminance, chrominance))


def _table(standard: npt.NDArray[np.float64], strength: float, flatness: float) -> tuple[int, ...]:
    middle = np.exp(np.log(standard).mean())
    table = strength * standard ** (1 - flatness) * middle**flatness
    return tuple(int(step) for step in np.rint(table).clip(1, 255))
