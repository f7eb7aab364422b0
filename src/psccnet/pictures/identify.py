"""Find out how a picture's file is encoded; in some data sets this alone gives away which pictures are forged."""

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from psccnet.pictures.opening import PILLOW_QUIET

# fmt: off
LUMINANCE = np.array([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
    51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121,
    120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
])
# fmt: on
"""The standard's example table (ITU-T T.81, Table K.1), which libjpeg scales."""
_SUBSAMPLING = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}


def encoding_of(path: Path) -> str:
    """The format of a picture's file, such as "TIFF"; of a JPEG also subsampling and quality: "JPEG 4:2:0 q88".

    The quality is that of `quality_of` for the mean of the file's luminance table. "unknown" if Pillow cannot open the
    file.
    """
    try:
        with PILLOW_QUIET, Image.open(path) as file:
            name = file.format or "unknown"
            if name != "JPEG":
                return name
            tables = getattr(file, "quantization", {})
            chroma = "grey" if file.mode == "L" else _SUBSAMPLING.get(get_sampling(file), "other")
    except Exception:  # Pillow raises many kinds of exceptions for damaged files.
        return "unknown"
    # A damaged file may lack its first table.
    return f"JPEG {chroma} q{quality_of(float(np.mean(tables[0])))}" if 0 in tables else f"JPEG {chroma}"


def quality_of(mean: float) -> int:
    """The quality, 1..100, at which the mean of libjpeg's luminance table is closest to `mean`.

    Examples:
        >>> quality_of(float(LUMINANCE.mean())), quality_of(1.0)
        (50, 100)
    """
    qualities = np.arange(1, 101)
    scales = np.where(qualities < 50, 5000 / qualities, 200 - 2 * qualities)
    tables = np.clip((LUMINANCE * scales[:, None] + 50) // 100, 1, 255)
    return int(qualities[np.abs(tables.mean(axis=1) - mean).argmin()])
