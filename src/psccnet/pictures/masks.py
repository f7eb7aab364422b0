"""Ground-truth masks as their data sets store them, read to one form and repaired where it is known how."""

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from psccnet.pictures.decoding import PictureError, decode
from psccnet.pictures.sample import Mask, Picture

MaskRule = Literal["white", "black", "green"]
"""What of a mask's file is forged.

white: brighter than half, as almost everywhere.
black: darker than half, as in NIST16.
green: both greens of Columbia's edge masks, whose reds are the host; the files are JPEG, so shades vary.
"""
_GREEN = 120
"""Columbia's greens are 200 and 255 before compression."""


def read_mask(path: Path, height: int, width: int, rule: MaskRule = "white", resize: bool = False) -> Mask:
    """Read a ground truth: (height, width), true where forged.

    Args:
        path: the mask's file.
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        rule: how the file says what is forged.
        resize: bring a mask of another size to the picture's (nearest pixel) instead of refusing it.

    Raises:
        PictureError: if it cannot be read or its size is not the picture's.
        MissingFileError: if there is no such file.
    """
    truth = binarize(decode(path, upright=False).pixels, rule)
    if truth.shape == (height, width):
        return truth
    found = f"{truth.shape[1]} x {truth.shape[0]}"
    if not resize:
        raise PictureError(f"{path}: the mask is {found}, its picture {width} x {height}; they must match.")
    resized = Image.fromarray(truth.astype(np.uint8)).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(resized, np.bool_)


def binarize(pixels: Picture, rule: MaskRule) -> Mask:
    """What a mask's pixels, HxWx3 uint8, say is forged: HxW."""
    if rule == "green":
        red, green = pixels[..., 0].astype(np.int16), pixels[..., 1].astype(np.int16)
        return np.asarray((green > _GREEN) & (green > red), np.bool_)
    bright = np.asarray(pixels.max(axis=2) > 127, np.bool_)
    return ~bright if rule == "black" else bright
