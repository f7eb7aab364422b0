"""Shapes of forged regions in a square frame: random contours, or the silhouettes of objects."""

import cv2
import numpy as np

from psccnet.pictures.sample import Mask
from psccnet.synthesis.contours import log_uniform, random_contour
from psccnet.synthesis.objects import Objects
from psccnet.synthesis.sections import Range
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe


def random_region(rng: np.random.Generator, objects: Objects | None, recipe: SynthesisRecipe, area: Range) -> Mask:
    """Draw a region, size x size bool, whose share of the frame is usually within `area`.

    The silhouette of an object that does not fit into the frame may be smaller; callers check the area.
    """
    if objects is None or rng.random() >= recipe.region.object_share:
        return random_contour(rng, recipe.size, area, recipe.region.bezier)
    _, alpha = objects.draw(rng)
    size = recipe.size
    scale = (log_uniform(rng, area) * size**2 / max(1.0, float(alpha.sum()))) ** 0.5
    height, width = (max(1, min(size, round(side * scale))) for side in alpha.shape)
    silhouette = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA) > 0.5
    x, y = int(rng.integers(size - width + 1)), int(rng.integers(size - height + 1))
    region = np.zeros((size, size), np.bool_)
    region[y : y + height, x : x + width] = silhouette[:, ::-1] if rng.random() < recipe.region.mirrored else silhouette
    return region
