"""Choose pixels to explain, and draw which places the SCCM relates them to (Fig. 9); without torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from psccnet.inference.attention import Attention, Map
from psccnet.inference.rendering import ramp, reduced
from psccnet.inference.scales import ScaleName, coloured
from psccnet.pictures.resampling import resample

Point = tuple[int, int]
Pixels = NDArray[np.uint8]

PANEL = 360
"""Longer side of a panel, in pixels."""
GAP, BAND = 8, 24


@dataclass(frozen=True)
class Explained:
    """The responses of one scale's SCCM to a picture.

    Attributes:
        scale: 1..4.
        points: (x, y) in pixels of the upright picture.
        spatial: one map per point, the row of A_s (Eq. 2); its values sum to 1.
        x: one channel of X, the module's input.
        y_c: the same channel of Y_c (Eq. 3); None if the weights have no channel-wise attention.
    """

    scale: int
    points: tuple[Point, ...]
    spatial: tuple[Map, ...]
    x: Map
    y_c: Map | None


def choose_points(mask: Map, width: int, height: int) -> list[Point]:
    """Choose three points as in Fig. 9: two where the mask is high, one where it is low.

    The first is the highest point of the mask. The second is the highest point at least a third of the mask's longer
    side away from the first. The third is the lowest point.

    Args:
        mask: (h, w), at the network's size.
        width: of the picture, in pixels.
        height: of the picture, in pixels.

    Returns:
        (x, y) of each point, in pixels of the picture.

    Examples:
        >>> mask = np.array([[0.9, 0.1, 0.1, 0.8], [0.1, 0.1, 0.0, 0.1]], np.float32)
        >>> choose_points(mask, width=400, height=200)
        [(50, 50), (350, 50), (250, 150)]
    """
    rows, columns = np.indices(mask.shape)
    first = np.unravel_index(int(mask.argmax()), mask.shape)
    away = np.hypot(rows - first[0], columns - first[1]) >= max(mask.shape) / 3
    second = np.unravel_index(int(np.where(away, mask, -1).argmax()), mask.shape)
    third = np.unravel_index(int(mask.argmin()), mask.shape)
    return [
        (int((column + 0.5) * width / mask.shape[1]), int((row + 0.5) * height / mask.shape[0]))
        for row, column in (first, second, third)
    ]


def explain(
    attention: Attention, given: Map, scale: int, points: Sequence[Point], size: tuple[int, int], channel: int = 0
) -> Explained:
    """Compute the responses of one scale's SCCM for some points.

    Args:
        attention: the SCCMs of the weights.
        given: (C, h, w), the input that `psccnet.inference.attention.watched` recorded for this scale.
        scale: 1..4.
        points: (x, y), in pixels of the upright picture.
        size: width and height of the picture.
        channel: of X and Y_c, from 0.
    """
    width, height = size
    spatial = tuple(attention.spatial(given, scale, (x / width, y / height)) for x, y in points)
    y_c = attention.channel(given, scale)[channel] if attention.architecture.attention == "both" else None
    return Explained(scale, tuple(points), spatial, given[channel], y_c)


def draw(explained: Explained, pixels: Pixels, scale: ScaleName = "viridis") -> Pixels:
    """Draw the picture with its points, the response of each point, one channel of X and Y_c, and a colour bar.

    Args:
        explained: what to draw; the spatial responses share one scale from 0 to their largest value, X and Y_c have
            scales of their own.
        pixels: (H, W, 3) uint8, the picture.
        scale: name of the colour scale.

    Returns:
        (h, w, 3) uint8.
    """
    small = reduced(pixels, PANEL)
    height, width = small.shape[:2]
    factor = width / pixels.shape[1]
    marks = [(x * factor, y * factor) for x, y in explained.points]
    highest = max((float(response.max()) for response in explained.spatial), default=1.0)
    panels = [("picture", _marked(small, list(enumerate(marks, 1)), 0))]
    for number, response in enumerate(explained.spatial, 1):
        shown = coloured(resample(response / highest, height, width), scale)
        panels.append((f"P{number} is related to", _marked(shown, list(enumerate(marks, 1)), number)))
    for name, channel in (("X, one channel", explained.x), ("Y_c, the same", explained.y_c)):
        if channel is not None:
            panels.append((name, coloured(resample(_even(channel), height, width), scale)))
    return _sheet(panels, (height, width), f"{highest:.2g}", explained.scale, scale)


def _even(values: Map) -> Map:
    low, high = float(values.min()), float(values.max())
    even: Map = (values - low) / max(high - low, 1e-12)
    return even


def _marked(panel: Pixels, marks: list[tuple[int, tuple[float, float]]], only: int) -> Pixels:
    """Draw numbered points on a panel; if `only` is not 0, draw only that point."""
    canvas = Image.fromarray(panel)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(14)
    for number, (x, y) in marks:
        if only in (0, number):
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=(255, 255, 255), outline=(0, 0, 0), width=2)
            draw.text((x + 6, y - 8), f"P{number}", (255, 255, 255), font=font, stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(canvas)


def _sheet(panels: list[tuple[str, Pixels]], size: tuple[int, int], high: str, number: int, scale: ScaleName) -> Pixels:
    height, width = size
    across = len(panels) * (width + GAP) - GAP
    sheet = Image.new("RGB", (max(across, 460), height + 2 * BAND), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for index, (label, panel) in enumerate(panels):
        left = index * (width + GAP)
        draw.text((left + 2, 4), label, (0, 0, 0), font=font)
        sheet.paste(Image.fromarray(panel), (left, BAND))
    bar = Image.fromarray(ramp(12, 160, scale=scale))
    top = BAND + height + 6
    draw.text((2, top - 2), "0", (0, 0, 0), font=font)
    sheet.paste(bar, (16, top))
    caption = f"{high}: share of the response, scale {number}; X and Y_c from lowest to highest"
    draw.text((182, top - 2), caption, (0, 0, 0), font=font)
    return np.asarray(sheet)
