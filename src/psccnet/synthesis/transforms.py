"""Transformations of a region before it is pasted: scale, rotation, mirroring, shift, deformation, luminance."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from psccnet.pictures.sample import Mask, Picture
from psccnet.synthesis.contours import log_uniform
from psccnet.synthesis.sections import Range, TransformRecipe

Alpha = npt.NDArray[np.float32]
MARGIN = 8
"""A region keeps so many pixels of its surroundings, so that feathering mixes real colours."""


@dataclass(frozen=True)
class Affine:
    """Scale factor, rotation in degrees, mirroring and interpolation of a region; the default changes nothing."""

    scale: float = 1.0
    angle: float = 0.0
    flip: bool = False
    cubic: bool = False


def draw_affine(rng: np.random.Generator, transform: TransformRecipe, size: int, region: float, area: Range) -> Affine:
    """Draw a transformation after which a region of `region` pixels is within `area` (fractions of the frame).

    A scale that does not fit is replaced by that for an area drawn from the range. Clipping the area to the range
    instead would make its largest value the most common one, since objects are often larger than the frame.
    """
    scale = log_uniform(rng, transform.scale) if rng.random() < transform.share else 1.0
    frame = size**2
    if not area[0] <= region * scale**2 / frame <= area[1]:
        scale = (log_uniform(rng, area) * frame / region) ** 0.5
    angle = float(rng.uniform(-transform.rotation, transform.rotation)) if rng.random() < transform.share else 0.0
    if rng.random() < transform.any_rotation:
        angle = float(rng.uniform(-180, 180))
    return Affine(scale, angle, bool(rng.random() < transform.flip), bool(rng.random() < transform.cubic))


def draw_centre(
    rng: np.random.Generator, transform: TransformRecipe, size: int, alpha: Alpha, affine: Affine
) -> tuple[int, int]:
    """Draw the centre, (x, y), of a transformed region; with the recipe's probability it is completely inside."""
    *_, width, height = cv2.boundingRect((alpha > 0.5).astype(np.uint8))  # without the margin
    cos, sin = abs(np.cos(np.radians(affine.angle))), abs(np.sin(np.radians(affine.angle)))
    margins = [0.0, 0.0]
    if rng.random() < transform.inside:
        margins = [affine.scale * (cos * width + sin * height) / 2, affine.scale * (sin * width + cos * height) / 2]
    # A region larger than the frame is centred.
    x, y = (
        int(rng.integers(min(round(margin), size // 2), max(size - round(margin), size // 2 + 1))) for margin in margins
    )
    return x, y


def tight_crop(picture: Picture, alpha: Alpha, margin: int = MARGIN) -> tuple[Picture, Alpha]:
    """Crop picture and alpha to the box of alpha > 0.5 plus `margin` pixels; ValueError if it is empty.

    Examples:
        >>> alpha = np.zeros((100, 100), np.float32)
        >>> alpha[40:60, 30:50] = 1
        >>> tight_crop(np.zeros((100, 100, 3), np.uint8), alpha)[1].shape
        (36, 36)
    """
    x, y, w, h = cv2.boundingRect((alpha > 0.5).astype(np.uint8))
    if w == 0:
        raise ValueError("the region is empty")
    rows = slice(max(0, y - margin), y + h + margin)
    columns = slice(max(0, x - margin), x + w + margin)
    return picture[rows, columns], alpha[rows, columns]


def reduce(picture: Picture, alpha: Alpha, pixels: float) -> tuple[Picture, Alpha]:
    """Shrink a region, hxwx3 uint8 and hxw float32, to an area of at most `pixels`.

    Examples:
        >>> picture, alpha = np.zeros((40, 60, 3), np.uint8), np.ones((40, 60), np.float32)
        >>> reduce(picture, alpha, pixels=600)[1].shape
        (20, 30)
    """
    scale = (pixels / max(1.0, float(alpha.sum()))) ** 0.5
    if scale >= 1:
        return np.ascontiguousarray(picture), alpha
    height, width = alpha.shape
    smaller = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = np.asarray(cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    return picture, np.asarray(cv2.resize(alpha, smaller, interpolation=cv2.INTER_AREA), np.float32)


def place(picture: Picture, alpha: Alpha, affine: Affine, centre: tuple[int, int], size: int) -> tuple[Picture, Alpha]:
    """Transform a region and put its centre on pixel `centre` (x, y) of a size x size frame.

    The pixels of a region that is only shifted do not change.

    Args:
        picture: hxwx3 uint8.
        alpha: hxw float32 in 0..1.
        affine: transformation of both.
        centre: (x, y) of the region's centre in the frame.
        size: side of the frame in pixels.

    Returns:
        size x size x 3 uint8 (edge colours repeated outside the region) and size x size float32.

    Examples:
        >>> picture, alpha = np.full((4, 4, 3), 200, np.uint8), np.ones((4, 4), np.float32)
        >>> laid, laid_alpha = place(picture, alpha, Affine(), centre=(5, 5), size=10)
        >>> laid.shape, int((laid_alpha > 0.5).sum()), laid_alpha[3:7, 3:7].min().item()
        ((10, 10, 3), 16, 1.0)
    """
    scale = affine.scale
    if affine.flip:
        picture, alpha = picture[:, ::-1], alpha[:, ::-1]
    if scale < 0.7:  # bilinear warping would alias
        picture, alpha = reduce(picture, alpha, scale**2 * float(alpha.sum()))
        scale = 1.0
    height, width = alpha.shape
    cos, sin = scale * np.cos(np.radians(affine.angle)), scale * np.sin(np.radians(affine.angle))
    linear = np.array([[cos, sin], [-sin, cos]])
    shift = np.array(centre) - linear @ (width // 2, height // 2)
    matrix = np.column_stack([linear, shift])
    laid = cv2.warpAffine(
        np.ascontiguousarray(picture),
        matrix,
        (size, size),
        flags=cv2.INTER_CUBIC if affine.cubic else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    laid_alpha = cv2.warpAffine(
        np.ascontiguousarray(alpha),
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )
    return np.asarray(laid, np.uint8), np.asarray(laid_alpha, np.float32)


def bend(rng: np.random.Generator, picture: Picture, alpha: Alpha, transform: TransformRecipe) -> tuple[Picture, Alpha]:
    """Deform a region, hxwx3 uint8, and its alpha, hxw, smoothly with the recipe's probability; sizes stay the same."""
    if rng.random() >= transform.deform:
        return picture, alpha
    height, width = alpha.shape
    reach = rng.uniform(*transform.deform_strength) * min(height, width)
    coarse = rng.uniform(-reach, reach, (4, 4, 2)).astype(np.float32)
    offset = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x + offset[..., 0], y + offset[..., 1]
    bent = cv2.remap(np.ascontiguousarray(picture), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    bent_alpha = cv2.remap(np.ascontiguousarray(alpha), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(bent, np.uint8), np.asarray(bent_alpha, np.float32)


def change_luminance(picture: Picture, offset: float) -> Picture:
    """Add `offset` grey levels to every channel, saturating at 0 and 255.

    Examples:
        >>> change_luminance(np.array([[[10, 100, 250]]], np.uint8), 20).tolist()
        [[[30, 120, 255]]]
    """
    return np.clip(picture.astype(np.int16) + round(offset), 0, 255).astype(np.uint8)


def mean_change(before: Picture, after: Picture, mask: Mask) -> float:
    """Return the mean absolute difference of two pictures inside a non-empty mask, in grey levels.

    Examples:
        >>> before, after = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 9, np.uint8)
        >>> mean_change(before, after, np.array([[True, False], [False, False]]))
        9.0
    """
    return float(np.abs(before[mask].astype(np.int16) - after[mask]).mean())
