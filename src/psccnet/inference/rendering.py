"""Pictures of a result: mask files, the overlay, the progression of masks as in Fig. 10."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from psccnet.files import write_whole
from psccnet.inference.resampling import resample
from psccnet.inference.result import Result

TINT = np.array([255, 32, 32], dtype=np.float32)
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
    strength = (0.55 * mask)[..., None]
    # In grey print the tint alone would vanish: the outline and the dimmed surroundings stay readable.
    dimmed = pixels.astype(np.float32) * (0.72 + 0.28 * mask[..., None])
    result = dimmed * (1 - strength) + TINT * strength
    height, width = mask.shape
    inside = mask > 0.5
    thick = max(1, round(max(height, width) / 400))
    eroded = inside.copy()
    for shift in range(1, thick + 1):
        eroded[shift:] &= inside[:-shift]
        eroded[:-shift] &= inside[shift:]
        eroded[:, shift:] &= inside[:, :-shift]
        eroded[:, :-shift] &= inside[:, shift:]
    result[inside & ~eroded] = (255, 255, 255)
    tinted: NDArray[np.uint8] = np.clip(np.rint(result), 0, 255).astype(np.uint8)
    return tinted


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
    panels = [("picture", np.asarray(Image.fromarray(pixels).resize((width, height))))]
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


def _png(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, format="PNG")
    return data.getvalue()


def write_pictures(result: Result, pixels: NDArray[np.uint8], stem: Path) -> list[Path]:
    """Write the pictures of one result.

    Args:
        result: of the picture; its `masks` go into the progression.
        pixels: (H, W, 3) uint8, the picture as the network saw it.
        stem: folder and first part of the names; the folder is made if missing.

    Returns:
        The files: STEM.mask.png (8 bits), STEM.mask16.png (16 bits), STEM.overlay.png, STEM.masks.png.

    Raises:
        OSError: if a file cannot be written.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    pictures = {
        "mask": Image.fromarray(np.rint(result.mask * 255).astype(np.uint8)),
        "mask16": Image.fromarray(np.rint(result.mask * 65535).astype(np.uint16)),
        "overlay": Image.fromarray(overlay(pixels, result.mask)),
        "masks": Image.fromarray(progression(pixels, result)),
    }
    files = {stem.with_name(f"{stem.name}.{kind}.png"): _png(picture) for kind, picture in pictures.items()}
    write_whole(files)
    return list(files)
