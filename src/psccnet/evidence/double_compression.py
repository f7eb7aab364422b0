"""Where a JPEG was compressed once while the rest was compressed twice: double quantisation (DQ).

After Lin, He, Tang and Tang, Pattern Recognition 2009, in the form of Bianchi, De Rosa and Piva, ICASSP 2011. A part
that comes from elsewhere rarely lay on the grid of the first compression: its coefficients lack the periodic peaks and
gaps that two quantisations leave in the histograms of the rest.
"""

import io
import math
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.finding import Finding
from psccnet.pictures.masks import turned
from psccnet.pictures.opening import opened

Map = NDArray[np.float32]
Coefficients = NDArray[np.int16]

FREQUENCIES = (
    (0, 1),
    (1, 0),
    (2, 0),
    (1, 1),
    (0, 2),
    (0, 3),
    (1, 2),
    (2, 1),
    (3, 0),
    (4, 0),
    (3, 1),
    (2, 2),
    (1, 3),
    (0, 4),
)
"""(vertical, horizontal), the first ones of the zigzag without the mean of the square."""
LARGEST = 40
"""Coefficients above this are too rare to tell anything."""
LARGEST_STEP = 60
"""The first compression's quantisation steps that are tried."""
LEAST_FIT = 0.5
"""By which share the best first step must reduce the misfit of the histogram; otherwise the frequency tells nothing."""
FEWEST = 64
"""Squares under which histograms are too poor."""
MOSTLY = 0.5
"""Share of the squares above which "compressed once" is the rule in the picture, and no exception."""
_ROUNDING = 0.4
"""Standard deviation, in units of a coefficient, that rounding pixels between the compressions adds."""
_FLOOR = 0.05
_STRIP = 64
"""Rows of squares at once, so that memory stays bounded."""
_COSINES = np.array(
    [
        [math.sqrt((1 if u == 0 else 2) / 8) * math.cos((2 * x + 1) * u * math.pi / 16) for x in range(8)]
        for u in range(8)
    ],
    np.float32,
)


NAME = "double-compression"
HOW_TO_READ = (
    "Bright is what was compressed once, in a JPEG whose rest was compressed twice on the same squares: what was pasted"
    " or painted before the last save. Smooth and very dark places tell little. A crop or a resize before the last save"
    " wipes the trace out, and a picture that was only saved twice shows it without being forged."
)
SOURCE = "Bianchi, De Rosa and Piva, Improved DCT coefficient analysis for forgery localization, ICASSP 2011"


def double_compression(data: bytes | None, orientation: int = 1) -> Finding | None:
    """Look where a JPEG was compressed once only, if most of it was compressed twice.

    Args:
        data: the file's bytes, where there is a file.
        orientation: EXIF's, 1..8: how the pixels lie in the file.

    Returns:
        A finding that tells and never alarms; its map, upright, is how likely each square of 8 x 8 pixels was
        compressed once only, 0..1. None for other files than JPEG.
    """
    stored = None if data is None or data[:3] != b"\xff\xd8\xff" else luminance(data)
    if stored is None or min(stored[0].shape) < 8:
        return None
    once = probability(*stored)
    share = float((once > 0.5).mean())
    if not once.any():
        return Finding(
            NAME,
            "No sign that the picture was compressed before on the squares of this file.",
            HOW_TO_READ,
            source=SOURCE,
        )
    sentence = (
        f"The picture was compressed before on the squares of this file, and {100 * share:.0f} % of it shows no trace"
        " of that. This alone proves nothing."
        if share <= MOSTLY
        else "Few squares of this file show that they were compressed before. This alone proves nothing."
    )
    return Finding(
        NAME,
        sentence,
        HOW_TO_READ,
        map=np.ascontiguousarray(turned(once, orientation), np.float32),
        source=SOURCE,
    )


def dq_map(path: Path) -> Map:
    """How likely each place was compressed once only, in a JPEG whose rest was compressed twice.

    Args:
        path: of the picture's file.

    Returns:
        (H, W) float32 as the pixels are stored (not turned by EXIF), 0 compressed twice .. 1 once; all 0 where the file
        is no JPEG, or shows no double compression.
    """
    data = path.read_bytes()
    stored = luminance(data, str(path))
    if stored is None:
        with opened(io.BytesIO(data), str(path)) as (picture, _):
            return np.zeros(picture.size[::-1], np.float32)
    grey, table = stored
    height, width = grey.shape
    mask = np.zeros((height, width), np.float32)
    squares = probability(grey, table)
    whole = squares.repeat(8, axis=0).repeat(8, axis=1)
    mask[: whole.shape[0], : whole.shape[1]] = whole
    return mask


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


def probability(grey: NDArray[np.uint8], table: NDArray[np.int64]) -> Map:
    """How likely each square of 8 x 8 pixels was compressed once only.

    Args:
        grey: (H, W) uint8, luminance.
        table: (8, 8), steps of the last compression.

    Returns:
        (H // 8, W // 8) float32, 0..1; all 0 where no frequency shows a double compression.
    """
    coefficients = quantised(grey, table)
    down, across = coefficients.shape[1:]
    log_ratio = np.zeros((down, across), np.float32)
    shifted = quantised(grey[4:, 4:], table) if min(grey.shape) > 16 else coefficients[:, :0]
    is_double = False
    for (v, u), found, other in zip(FREQUENCIES, coefficients, shifted, strict=False):
        if min(found.size, other.size) < FEWEST:
            continue
        step = int(table[v, u])
        first = first_step(_histogram(found), _histogram(other), step)
        if first is None:
            continue
        is_double = True
        logs = np.log(np.maximum(peaks(first, step), _FLOOR)).astype(np.float32)
        logs[LARGEST] = 0  # zero is too frequent for the model
        places = np.clip(found, -LARGEST, LARGEST) + LARGEST
        log_ratio += np.where(np.abs(found) < LARGEST, logs[places], 0)
    if not is_double:
        return np.zeros((down, across), np.float32)
    smooth = cv2.blur(log_ratio, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return (1 / (1 + np.exp(np.clip(smooth, -30, 30)))).astype(np.float32)


def quantised(grey: NDArray[np.uint8], table: NDArray[np.int64]) -> Coefficients:
    """The coefficients of `FREQUENCIES` of each whole square: (frequencies, H // 8, W // 8) int16, in steps."""
    down, across = (side // 8 for side in grey.shape)
    made = np.zeros((len(FREQUENCIES), down, across), np.int16)
    for top in range(0, down, _STRIP):
        bottom = min(down, top + _STRIP)
        strip = grey[8 * top : 8 * bottom, : 8 * across].astype(np.float32) - 128
        squares = strip.reshape(bottom - top, 8, across, 8)
        columns = np.einsum("ux,hywx->hywu", _COSINES[:5], squares)
        whole = np.einsum("vy,hywu->vuhw", _COSINES[:5], columns)
        for place, (v, u) in enumerate(FREQUENCIES):
            made[place, top:bottom] = np.rint(whole[v, u] / table[v, u])
    return made


def _histogram(values: Coefficients) -> NDArray[np.float64]:
    """The share of each value from -LARGEST to LARGEST, without 0."""
    kept = values[np.abs(values) <= LARGEST]
    counts = np.bincount(kept.ravel().astype(np.int64) + LARGEST, minlength=2 * LARGEST + 1).astype(np.float64)
    counts[LARGEST] = 0
    return np.asarray(counts / max(counts.sum(), 1))


@lru_cache(maxsize=8192)
def peaks(first: int, last: int) -> NDArray[np.float64]:
    """How many times as frequent each value is after two quantisations as after the last one alone (n of the paper).

    Args:
        first: step of the first quantisation.
        last: step of the last one.

    Returns:
        (2 * LARGEST + 1,), for the values from -LARGEST to LARGEST; 1 on average.
    """
    values = np.arange(-LARGEST, LARGEST + 1)
    most = (LARGEST + 1) * last // first + 2
    multiples = first * np.arange(-most, most + 1)
    ends = (np.append(values, LARGEST + 1)[:, None] - 0.5) * last
    shares = _below((ends - multiples) / _ROUNDING)
    return np.asarray(np.diff(shares, axis=0).sum(axis=1) * first / last)


def _below(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """The normal distribution's share below z, by its logistic likeness (off by less than 0.01)."""
    return np.asarray(1 / (1 + np.exp(-np.clip(1.702 * z, -40, 40))))


def first_step(found: NDArray[np.float64], single: NDArray[np.float64], last: int) -> int | None:
    """The step of a first quantisation that explains a histogram, or None where none does.

    Args:
        found: histogram of the picture's coefficients.
        single: of the same picture with its squares moved by half a square: as if compressed once.
        last: step of the last quantisation.
    """
    misfit = float(((found - single) ** 2).sum())
    best, best_left = None, (1 - LEAST_FIT) * misfit
    for first in range(1, LARGEST_STEP + 1):
        change = single * (peaks(first, last) - 1)
        size = float((change**2).sum())
        if size < 1e-9:
            continue
        share = min(1.0, max(0.0, float(((found - single) * change).sum()) / size))
        left = float(((found - single - share * change) ** 2).sum())
        if left < best_left:
            best, best_left = first, left
    return best
