"""What a JPEG file stores: its luminance and quantisation table, and where its colours are cut off."""

import io

import numpy as np
from numpy.typing import NDArray

from psccnet.pictures.opening import opened

CUT = (1, 254)
"""A pixel with a colour up to the first, or from the second on, was cut off, or may have been."""
_STRIP = 64
"""Rows of squares at once, so that memory stays bounded."""


def luminance(data: bytes, name: str = "file") -> tuple[NDArray[np.uint8], NDArray[np.int64]] | None:
    """The luminance of a JPEG as it is stored and its quantisation table; None for other files.

    Args:
        data: the file's bytes.
        name: of the file, for messages.

    Returns:
        (H, W) uint8, and (8, 8) steps by vertical and horizontal frequency.
    """
    with opened(io.BytesIO(data), name) as (picture, _):
        tables = getattr(picture, "quantization", None)
        if picture.format not in ("JPEG", "MPO") or not tables or picture.mode not in ("L", "RGB"):
            return None
        # Decoded as grey, libjpeg gives the luminance without a way through RGB.
        picture.draft("L", picture.size)
        first = getattr(picture, "layer", [(1, 1, 1, 0)])[0][3]
        return np.asarray(picture.convert("L")), np.array(tables[first], np.int64).reshape(8, 8)


def cut_off(data: bytes, name: str = "file") -> NDArray[np.bool_]:
    """The squares in which a pixel's red, green or blue is at the end of its range: blown highlights, deep shadows.

    Args:
        data: bytes of a JPEG.
        name: of the file, for messages.

    Returns:
        (H // 8, W // 8) bool, as the pixels are stored.
    """
    low, high = CUT
    with opened(io.BytesIO(data), name) as (picture, _):
        down, across = picture.height // 8, picture.width // 8
        found = np.zeros((down, across), np.bool_)
        for top in range(0, down, _STRIP):
            bottom = min(down, top + _STRIP)
            strip = np.asarray(picture.crop((0, 8 * top, 8 * across, 8 * bottom)).convert("RGB"))
            cut = ((strip <= low) | (strip >= high)).any(axis=2)
            found[top:bottom] = cut.reshape(bottom - top, 8, across, 8).any(axis=(1, 3))
    return found
