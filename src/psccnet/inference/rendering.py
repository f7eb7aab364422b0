"""Pictures of a result: mask files, the overlay, the progression of masks as in Fig. 10."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from psccnet.inference.result import Result
from psccnet.pictures.resampling import bands, resample
from psccnet.pictures.whole_files import make_folder, write_whole

TINT = np.array([255, 32, 32], dtype=np.float32)
MOST_OUTLINE = 24
"""Pixels that the outline of a region is thick at most; it is drawn in as many steps."""
PROGRESSION_SIDE = 384
"""Longest side of a picture in the progression strip, pixels."""


def overlay(pixels: NDArray[np.uint8], mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Tint a picture red by its mask, dim what is held pristine, and outline mask > 0.5.

    Args:
        pixels: (H, W, 3) uint8.
        mask: (H, W) float32, 0..1.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = mask.shape
    thick = min(max(1, round(max(height, width) / 400)), MOST_OUTLINE)
    tinted = np.empty_like(pixels)
    for rows in bands(height, width):
        strength = (0.55 * mask[rows])[..., None]
        # In grey print the tint alone would vanish: the outline and the dimmed surroundings stay readable.
        dimmed = pixels[rows].astype(np.float32) * (0.72 + 0.28 * mask[rows][..., None])
        tinted[rows] = np.clip(np.rint(dimmed * (1 - strength) + TINT * strength), 0, 255)
        around = slice(max(0, rows.start - thick), rows.stop + thick)
        tinted[rows][_outline(mask[around] > 0.5, thick)[rows.start - around.start :][: rows.stop - rows.start]] = 255
    return tinted


def _outline(inside: NDArray[np.bool_], thick: int) -> NDArray[np.bool_]:
    """What of a region lies at most `thick` pixels from its border, along rows and columns."""
    eroded = inside.copy()
    for shift in range(1, thick + 1):
        eroded[shift:] &= inside[:-shift]
        eroded[:-shift] &= inside[shift:]
        eroded[:, shift:] &= inside[:, :-shift]
        eroded[:, :-shift] &= inside[:, shift:]
    return inside & ~eroded


def progression(pixels: NDArray[np.uint8], result: Result) -> NDArray[np.uint8]:
    """The picture and its masks from scale 4 to the finest kept, side by side and labelled (Fig. 10).

    Args:
        pixels: (H, W, 3) uint8.
        result: with the masks to show in `masks`.

    Returns:
        (h, w, 3) uint8.
    """
    scale = min(1.0, PROGRESSION_SIDE / max(pixels.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    # Of a much larger picture, every so many pixels are enough to make the small one of.
    step = max(1, int(1 / (4 * scale)))
    panels = [("picture", np.asarray(Image.fromarray(pixels[::step, ::step]).resize((width, height))))]
    for number in sorted(result.masks, reverse=True):
        grey = np.rint(255 * resample(result.masks[number], height, width)).astype(np.uint8)
        panels.append((f"mask {number}", np.repeat(grey[..., None], 3, axis=2)))
    band, gap = 22, 6
    sheet = Image.new("RGB", (len(panels) * (width + gap) - gap, height + band), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    for index, (label, panel) in enumerate(panels):
        left = index * (width + gap)
        sheet.paste(Image.fromarray(panel), (left, band))
        draw.text((left + 2, 3), label, fill=(0, 0, 0), font=ImageFont.load_default(14))
    return np.asarray(sheet)


def _png(pixels: NDArray[np.unsignedinteger]) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="PNG")
    return data.getvalue()


def _levels(mask: NDArray[np.float32], dtype: type[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """A mask with 1 as the highest number of an integer type."""
    levels = np.empty(mask.shape, dtype=dtype)
    for rows in bands(*mask.shape):
        levels[rows] = np.rint(mask[rows] * np.iinfo(dtype).max)
    return levels


def write_pictures(result: Result, pixels: NDArray[np.uint8], stem: Path) -> list[Path]:
    """Write the pictures of one result.

    Args:
        result: of the picture; its `masks` go into the progression.
        pixels: (H, W, 3) uint8, the picture as the network saw it.
        stem: folder and first part of the names; the folder is made if missing.

    Returns:
        The files: STEM.mask.png (8 bits), STEM.mask16.png (16 bits), STEM.overlay.png, STEM.masks.png.

    Raises:
        WriteError: if a file cannot be written; nothing of it is then left.
    """
    make_folder(stem.parent)
    files = {
        stem.with_name(f"{stem.name}.mask.png"): _png(_levels(result.mask, np.uint8)),
        stem.with_name(f"{stem.name}.mask16.png"): _png(_levels(result.mask, np.uint16)),
        stem.with_name(f"{stem.name}.overlay.png"): _png(overlay(pixels, result.mask)),
        stem.with_name(f"{stem.name}.masks.png"): _png(progression(pixels, result)),
    }
    write_whole(files)
    return list(files)
