"""Draw findings: the map of a trace as colours over the picture, and the outlines of its regions."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from psccnet.evidence.finding import Finding
from psccnet.inference.rendering import overlay, reduced
from psccnet.pictures.resampling import resample

Pixels = NDArray[np.uint8]

LONGEST = 1600
"""Longer side of a drawing at most, in pixels."""
_LINES = ((255, 64, 64), (64, 160, 255), (255, 200, 0), (64, 220, 120))
"""Colours of outlines, one for each label."""


def draw_finding(finding: Finding, pixels: Pixels, longest: int = LONGEST) -> Pixels | None:
    """Draw one finding.

    Args:
        finding: of the picture.
        pixels: (H, W, 3) uint8, upright.
        longest: longer side of the drawing at most, in pixels.

    Returns:
        (h, w, 3) uint8; None if the finding has neither a map nor regions.
    """
    if finding.map is None and not finding.regions:
        return None
    small = reduced(pixels, longest)
    height, width = small.shape[:2]
    drawn = small if finding.map is None else overlay(small, resample(finding.map, height, width), None)
    sheet = Image.fromarray(drawn)
    draw = ImageDraw.Draw(sheet)
    factor = width / pixels.shape[1]
    labels = sorted({region.label for region in finding.regions})
    thick = max(2, round(max(height, width) / 300))
    for region in finding.regions:
        colour = _LINES[labels.index(region.label) % len(_LINES)]
        corners = [(factor * x, factor * y) for x, y in region.outline]
        draw.line([*corners, corners[0]], fill=colour, width=thick, joint="curve")
        if region.label:
            draw.text(min(corners), region.label, fill=colour, font=ImageFont.load_default(max(12, height // 40)))
    return np.asarray(sheet)
