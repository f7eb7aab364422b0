"""Draw a result: the mask in colours, the overlay, and the masks of all scales as in Fig. 10, each with a legend."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from psccnet.errors import InputError
from psccnet.inference.result import Result
from psccnet.inference.scales import ScaleName, coloured, colours
from psccnet.pictures.resampling import bands, resample

Pixels = NDArray[np.uint8]

DIM = 0.72
"""Share of the brightness that is kept where the mask is 0, so that the rest stands out in grey print, too."""
STRONGEST = 0.6
"""Opacity of the colours in the overlay where the mask is 1."""
MOST_OUTLINE = 24
"""Greatest thickness of a region's outline, in pixels; it is drawn in as many steps."""
PROGRESSION_SIDE = 384
"""Longer side of each panel of `progression`, in pixels."""
OF_MASK = "0 untouched, 1 forged"
"""What the ends of the scale mean for a mask."""
LEGEND_WIDTH = 300
"""Width of a legend, in pixels; a narrower picture gets a white margin beside it."""


def overlay(pixels: Pixels, mask: NDArray[np.float32], level: float | None = 0.5, into: Pixels | None = None) -> Pixels:
    """Tint a picture by its mask, dim what looks pristine, and outline in white what is above the level.

    Args:
        pixels: (H, W, 3) uint8.
        mask: (H, W) float32, 0..1.
        level: of the outline, 0..1; None draws no outline.
        into: (H, W, 3) uint8 to draw into; a new array by default.

    Returns:
        (H, W, 3) uint8.

    Examples:
        >>> picture = np.full((4, 4, 3), 200, np.uint8)
        >>> bool((overlay(picture, np.zeros((4, 4), np.float32)) < 200).all())
        True
    """
    height, width = mask.shape
    thick = min(max(1, round(max(height, width) / 400)), MOST_OUTLINE)
    kept, added = _tint()
    tinted = np.empty_like(pixels) if into is None else into
    for rows in bands(height, width):
        step = np.rint(255 * mask[rows]).astype(np.uint8)
        tinted[rows] = np.rint(pixels[rows] * kept[step][..., None] + added[step])
        if level is None:
            continue
        around = slice(max(0, rows.start - thick), rows.stop + thick)
        inside = mask[around] > level
        tinted[rows][_outline(inside, thick)[rows.start - around.start :][: rows.stop - rows.start]] = 255
    return tinted


def _tint() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each of 256 mask values: the factor for the picture's brightness, (256,), and the colour to add, (256, 3).

    The opacity grows with the square root of the value, so that faint traces are visible.
    """
    values = np.linspace(0, 1, 256, dtype=np.float32)
    share: NDArray[np.float32] = (STRONGEST * np.sqrt(values)).astype(np.float32)
    kept: NDArray[np.float32] = (DIM + (1 - DIM) * values) * (1 - share)
    return kept, colours("viridis").astype(np.float32) * share[:, None]


def _outline(inside: NDArray[np.bool_], thick: int) -> NDArray[np.bool_]:
    """The pixels of a region that are at most `thick` pixels from its border, along rows and columns."""
    eroded = inside.copy()
    for shift in range(1, thick + 1):
        eroded[shift:] &= inside[:-shift]
        eroded[:-shift] &= inside[shift:]
        eroded[:, shift:] &= inside[:, :-shift]
        eroded[:, :-shift] &= inside[:, shift:]
    return inside & ~eroded


def reduced(pixels: Pixels, longest: int) -> Pixels:
    """Reduce a picture so that its longer side is at most `longest` pixels.

    Examples:
        >>> reduced(np.zeros((1000, 2000, 3), np.uint8), longest=500).shape
        (250, 500, 3)
    """
    scale = min(1.0, longest / max(pixels.shape[:2]))
    if scale == 1.0:
        return pixels
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    # For a much smaller result, every n-th pixel is enough to start from.
    step = max(1, int(1 / (4 * scale)))
    return np.asarray(Image.fromarray(pixels[::step, ::step]).resize((width, height)))


def ramp(height: int, width: int, over_grey: bool = False, scale: ScaleName = "viridis") -> Pixels:
    """A bar of a scale's colours, from 0 at the left to 1; with `over_grey`, those of the overlay over medium grey."""
    values = np.repeat(np.linspace(0, 1, width, dtype=np.float32)[None], height, axis=0)
    if over_grey:
        return overlay(np.full((height, width, 3), 128, np.uint8), values, None)
    return coloured(values, scale)


def legend_line(result: Result) -> str:
    """What the white line in the drawings means, as text for people."""
    if result.level is not None:
        return f"white line: the mask is above {result.level:.2f}"
    return "no region stands out" if result.verdict == "forged" else "nothing found, so no region is outlined"


def _sheet(height: int, width: int, ends: str, line: str, over_grey: bool = False) -> Pixels:
    """A white sheet with room for a picture of this size above its legend: the scale, what its ends mean, a line."""
    unit = min(max(1.0, max(height, width) / 700), 12.0)
    band, margin = round(38 * unit), round(5 * unit)
    across = max(width, round(LEGEND_WIDTH * unit) if width < height else LEGEND_WIDTH)
    legend = Image.new("RGB", (across, band), (255, 255, 255))
    draw, font = ImageDraw.Draw(legend), ImageFont.load_default(round(12 * unit))
    bar = ramp(round(12 * unit), round(110 * unit), over_grey)
    top = margin + round(font.getlength("0"))
    legend.paste(Image.fromarray(bar), (top, margin))
    right = top + bar.shape[1]
    draw.text((margin, margin), "0", fill=(0, 0, 0), font=font)
    draw.text((right + margin // 2, margin), f"1   {ends}", fill=(0, 0, 0), font=font)
    draw.text((margin, round(20 * unit)), line, fill=(0, 0, 0), font=font)
    sheet = np.full((height + band, across, 3), 255, np.uint8)
    sheet[height:] = np.asarray(legend)
    return sheet


def overlay_with_legend(pixels: Pixels, result: Result) -> Pixels:
    """The overlay of a result above its legend, (H + band, at least W, 3) uint8."""
    height, width = result.mask.shape
    sheet = _sheet(height, width, OF_MASK, legend_line(result), over_grey=True)
    overlay(pixels, result.mask, result.level, into=sheet[:height, :width])
    return sheet


def mask_with_legend(result: Result) -> Pixels:
    """The mask of a result in colours above its legend, (H + band, at least W, 3) uint8."""
    height, width = result.mask.shape
    sheet = _sheet(height, width, OF_MASK, legend_line(result))
    for rows in bands(height, width):
        sheet[rows, :width] = coloured(result.mask[rows])
    if result.level is not None:
        thick = min(max(1, round(max(height, width) / 400)), MOST_OUTLINE)
        sheet[:height, :width][_outline(result.mask > result.level, thick)] = 255
    return sheet


def confidence_with_legend(result: Result) -> Pixels:
    """The confidence of a result in colours above its legend, with the border of what the mask calls forged.

    Returns:
        (H + band, at least W, 3) uint8.

    Raises:
        InputError: if the result has none.
    """
    if result.confidence is None:
        raise InputError(f"{result.name}: the result has no confidence; detect with confidence=True")
    height, width = result.mask.shape
    sheet = _sheet(height, width, "the mask is right: 0 never, 1 surely", "white line: the mask is above 0.50")
    for rows in bands(height, width):
        sheet[rows, :width] = coloured(result.confidence[rows])
    thick = min(max(1, round(max(height, width) / 400)), MOST_OUTLINE)
    sheet[:height, :width][_outline(result.mask > 0.5, thick)] = 255
    return sheet


def progression(pixels: Pixels, result: Result, longest: int = PROGRESSION_SIDE) -> Pixels:
    """The picture and its masks from scale 4 to the finest kept, side by side and labelled (Fig. 10).

    Args:
        pixels: (H, W, 3) uint8.
        result: its `masks` are shown.
        longest: longer side of a panel, in pixels.

    Returns:
        (h, w, 3) uint8.
    """
    small = reduced(pixels, longest)
    height, width = small.shape[:2]
    panels = [("picture", small)]
    for number in sorted(result.masks, reverse=True):
        panels.append((f"mask {number}", coloured(resample(result.masks[number], height, width))))
    band, gap = 22, 6
    sheet = Image.new("RGB", (len(panels) * (width + gap) - gap, height + band), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    for index, (label, panel) in enumerate(panels):
        left = index * (width + gap)
        sheet.paste(Image.fromarray(panel), (left, band))
        draw.text((left + 2, 3), label, fill=(0, 0, 0), font=ImageFont.load_default(14))
    return np.asarray(sheet)


def png(pixels: NDArray[np.unsignedinteger]) -> bytes:
    """Pixels as a PNG file: (H, W, 3) uint8, or (H, W) uint8 or uint16.

    Examples:
        >>> png(np.zeros((4, 6, 3), np.uint8))[1:4]
        b'PNG'
    """
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="PNG")
    return data.getvalue()


def levels(mask: NDArray[np.float32], dtype: type[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """A mask, 0..1, as integers; 1 becomes the largest number of the type.

    Examples:
        >>> levels(np.array([[0.0, 0.5, 1.0]], np.float32), np.uint16).tolist()
        [[0, 32768, 65535]]
    """
    found = np.empty(mask.shape, dtype=dtype)
    for rows in bands(*mask.shape):
        found[rows] = np.rint(mask[rows] * np.iinfo(dtype).max)
    return found
