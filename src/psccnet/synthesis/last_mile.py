"""What happens to finished pictures before they are seen: messengers and social networks, screenshots, phones."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from psccnet.pictures.encoding import Encoding, compressed
from psccnet.pictures.sample import Mask, Picture
from psccnet.synthesis.sections import Range
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe

LONG_SIDES = (2048, 1600, 1280, 1080)
"""Social networks reduce pictures to these long sides, in pixels."""
_LEAST_SIDE = 32


@dataclass(frozen=True)
class Way:
    """The way of a picture to its viewer.

    Attributes:
        kind: "none", "network", "screenshot" or "phone".
        side: of the square picture at the start, in pixels; at the end it is `SynthesisRecipe.size`.
    """

    kind: str
    side: int


def draw_way(rng: np.random.Generator, recipe: SynthesisRecipe) -> Way:
    """Draw a way. The forgery is made at its `side`, so that the network reduces the forged picture."""
    fields = recipe.last_mile
    if rng.random() >= fields.share:
        return Way("none", recipe.size)
    kind = rng.random()
    if kind < fields.phone:
        return Way("phone", recipe.size)
    if kind < fields.phone + fields.screenshot:
        return Way("screenshot", max(_LEAST_SIDE, round(recipe.size / rng.uniform(*fields.zoom))))
    factor = 1.0 if rng.random() < fields.unreduced else float(rng.uniform(*fields.reduction))
    return Way("network", max(_LEAST_SIDE, round(recipe.size / factor)))


def travel(
    picture: Picture, rng: np.random.Generator, recipe: SynthesisRecipe, way: Way, saved: Encoding
) -> tuple[Picture, Encoding]:
    """Apply a way to a picture.

    Args:
        picture: SxSx3 uint8.
        rng: source of randomness.
        recipe: probabilities and ranges.
        way: to apply.
        saved: the format in which the editor saved the picture.

    Returns:
        The picture before its last compression, recipe.size x recipe.size x 3 uint8, and the format of that
        compression.
    """
    fields = recipe.last_mile
    if way.kind == "network":
        picture = resized(compressed(picture, saved) if saved.quality else picture, recipe.size, rng)
        if rng.random() < fields.sharpened:
            picture = sharpened(picture, rng.uniform(0.2, 0.6), 0.8)
        return network_compression(picture, rng, fields.quality, fields.twice)
    if way.kind == "screenshot":
        picture = resized(compressed(picture, saved) if saved.quality else picture, recipe.size, rng)
        if rng.random() < fields.screenshot_lossless:
            return picture, Encoding(None)
        low, high = recipe.ending.quality
        return picture, Encoding(
            int(rng.integers(int(low), int(high) + 1)), bool(rng.random() < recipe.ending.halved_chroma)
        )
    return (_phone_processing(picture, rng), saved) if way.kind == "phone" else (picture, saved)


def network_compression(
    picture: Picture, rng: np.random.Generator, quality: Range, twice: float
) -> tuple[Picture, Encoding]:
    """Draw the compressions of a social network: the picture before the last one, and the last one."""
    low, high = int(quality[0]), int(quality[1])
    if rng.random() < twice:
        picture = compressed(picture, Encoding(int(rng.integers(low, high + 1)), True))
    return picture, Encoding(int(rng.integers(low, high + 1)), True)


def shared(picture: Picture, rng: np.random.Generator, quality: Range = (60, 88), twice: float = 0.33) -> Picture:
    """Pass HxWx3 uint8 through a social network: reduced to one of `LONG_SIDES` if it is longer, and compressed."""
    height, width = picture.shape[:2]
    scale = int(rng.choice(LONG_SIDES)) / max(height, width)
    if scale < 1:
        smaller = max(1, round(width * scale)), max(1, round(height * scale))
        picture = np.asarray(cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    return compressed(*network_compression(picture, rng, quality, twice))


def resized(picture: Picture, size: int, rng: np.random.Generator) -> Picture:
    """Resize a square picture by a random one of the common filters, all with antialiasing."""
    filters = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    chosen = filters[int(rng.integers(len(filters)))]
    if picture.shape[0] == size:
        return picture
    if chosen is Image.Resampling.BOX:
        interpolation = cv2.INTER_AREA if picture.shape[0] > size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(picture, (size, size), interpolation=interpolation), np.uint8)
    return np.asarray(Image.fromarray(picture).resize((size, size), chosen), np.uint8)


def resized_mask(mask: Mask, size: int) -> Mask:
    """Resize a square mask: true where more than half of a pixel is.

    Examples:
        >>> mask = np.zeros((4, 4), bool)
        >>> mask[:2, :3] = True
        >>> resized_mask(mask, 2).tolist()
        [[True, False], [False, False]]
    """
    if mask.shape[0] == size:
        return mask
    interpolation = cv2.INTER_AREA if mask.shape[0] > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask.astype(np.float32), (size, size), interpolation=interpolation) > 0.5, np.bool_)


def sharpened(picture: Picture, amount: float, sigma: float) -> Picture:
    """Sharpen HxWx3 uint8 by an unsharp mask.

    Examples:
        >>> edge = np.repeat(np.array([[[100], [100], [150], [150]]], np.uint8), 3, axis=2)
        >>> sharpened(edge, amount=0.5, sigma=1.0)[0, 1:3, 0].tolist()
        [92, 158]
    """
    blurred = cv2.GaussianBlur(picture, (0, 0), sigma)
    return np.asarray(cv2.addWeighted(picture, 1 + amount, blurred, -amount, 0), np.uint8)


def _phone_processing(picture: Picture, rng: np.random.Generator) -> Picture:
    """Denoise a picture, colours more than brightness, and sharpen it."""
    smooth = cv2.bilateralFilter(picture, 5, rng.uniform(8, 30), 1.5)
    ycc = cv2.cvtColor(smooth, cv2.COLOR_RGB2YCrCb)
    ycc[..., 1:] = cv2.GaussianBlur(ycc, (0, 0), rng.uniform(0.8, 2.0))[..., 1:]
    return sharpened(np.asarray(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB), np.uint8), rng.uniform(0.2, 1.0), 1.0)
