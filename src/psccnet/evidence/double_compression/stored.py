"""What a JPEG file stores: its luminance, its quantisation table and what an earlier compression left in them."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.double_compression.coefficients import Frequency, compressed_twice
from psccnet.pictures.opening import is_jpeg, opened

CUT = (1, 254)
"""A pixel with a colour up to the first, or from the second on, was cut off, or may have been."""
_STRIP = 64
"""Rows of squares at once, so that memory stays bounded."""


@dataclass(frozen=True)
class Stored:
    """The luminance of a JPEG, for all traces that compare its squares.

    Attributes:
        grey: (H, W) uint8, as it is stored.
        table: (8, 8) steps of its quantisation, by vertical and horizontal frequency.
        twice: the frequencies that show an earlier compression; see `compressed_twice`.
    """

    grey: NDArray[np.uint8]
    table: NDArray[np.int64]
    twice: list[Frequency]


def read_stored(data: bytes | None) -> Stored | None:
    """Read a file's luminance; None for other files than JPEG, and for pictures without a whole square."""
    found = luminance(data) if data is not None and is_jpeg(data) else None
    return None if found is None or min(found[0].shape) < 8 else Stored(*found, compressed_twice(*found))


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
