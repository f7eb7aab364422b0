"""Where a JPEG was compressed once while the rest was compressed twice: double quantisation (DQ).

After Lin, He, Tang and Tang, Pattern Recognition 2009, in the form of Bianchi, De Rosa and Piva, ICASSP 2011. A part
that comes from elsewhere rarely lay on the grid of the first compression: its coefficients lack the periodic peaks and
gaps that two quantisations leave in the histograms of the rest.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.double_compression.coefficients import Frequency, compressed_twice
from psccnet.evidence.double_compression.stored import Stored, cut_off, luminance, read_stored
from psccnet.evidence.finding import Finding, Region
from psccnet.pictures.masks import turned
from psccnet.pictures.opening import opened

Map = NDArray[np.float32]

SIGNIFICANT = 0.0035
"""Share of untouched pictures on which the trace speaks, at most: its part of the 5 % of the verdict."""
MOSTLY = 0.5
"""Share of the squares above which "compressed once" is the rule in the picture, and no exception."""
LEAST_SUPPORT = 0.01
"""By which a frequency's values must speak for two compressions, on average, to count for the alarm."""
FEWEST_FREQUENCIES = 2
"""That must do so."""
WINDOW = 7
"""Side, in squares, of the windows in which evidence is summed up."""
RARE, POWER, SQUARES = 0.4, 1.75, 2304
"""Of untouched pictures of `SQUARES` squares, compressed twice, at most RARE / strength ** POWER are as strong.
Measured on 444 of 600 synthetic ones and on 2,233 of 2,400 photographs and crops that were saved twice for it
(`benchmarks/evidence.py once`)."""

NAME = "double-compression"
HOW_TO_READ = (
    "Bright is what was compressed once, in a JPEG whose rest was compressed twice on the same squares: what was pasted"
    " or painted before the last save. Smooth and very dark places tell little. A crop or a resize before the last save"
    " wipes the trace out, and a picture that was only saved twice can have bright places without being forged."
)
SOURCE = "Bianchi, De Rosa and Piva, Improved DCT coefficient analysis for forgery localization, ICASSP 2011"


def double_compression(data: bytes | None, orientation: int = 1, stored: Stored | None = None) -> Finding | None:
    """Look where a JPEG was compressed once only, if most of it was compressed twice.

    Args:
        data: the file's bytes, where there is a file.
        orientation: EXIF's, 1..8: how the pixels lie in the file.
        stored: what the file stores, if it was read before.

    Returns:
        The finding; its map, upright, is how likely each square of 8 x 8 pixels was compressed once only, 0..1, and its
        regions outline what speaks for a manipulation. None for other files than JPEG.
    """
    stored = stored or read_stored(data)
    if data is None or stored is None:
        return None
    frequencies = stored.twice
    if not frequencies:
        return Finding(
            NAME,
            "No sign that the picture was compressed before on the squares of this file.",
            HOW_TO_READ,
            1.0,
            source=SOURCE,
        )
    once = probability(frequencies)
    strongest = strongest_window(frequencies, data)
    alarms = 1.0 if strongest is None else false_alarms(strongest.strength, once.size)
    part = strongest.part if strongest is not None and alarms <= SIGNIFICANT else None
    return Finding(
        NAME,
        _sentence(part, float((once > 0.5).mean())),
        HOW_TO_READ,
        alarms,
        part is not None,
        () if part is None else _regions(np.ascontiguousarray(turned(part, orientation), np.uint8)),
        np.ascontiguousarray(turned(once, orientation), np.float32),
        SOURCE,
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
    height, width = stored[0].shape
    mask = np.zeros((height, width), np.float32)
    frequencies = compressed_twice(*stored)
    if not frequencies:
        return mask
    whole = probability(frequencies).repeat(8, axis=0).repeat(8, axis=1)
    mask[: whole.shape[0], : whole.shape[1]] = whole
    return mask


def probability(frequencies: list[Frequency]) -> Map:
    """How likely each square of 8 x 8 pixels was compressed once only, (H // 8, W // 8) float32, 0..1."""
    log_ratio = _sum(one.log_ratio() for one in frequencies)
    smooth = cv2.blur(log_ratio, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return (1 / (1 + np.exp(np.clip(smooth, -30, 30)))).astype(np.float32)


def _sum(maps: Iterable[Map]) -> Map:
    """Their sum, without all of them in memory at once."""
    return reduce(np.add, maps)


def false_alarms(strength: float, squares: int) -> float:
    """The share of untouched pictures, compressed twice, that have a window as strong, 0..1.

    Args:
        strength: of the strongest window.
        squares: of the picture; in more of them, more windows may look so by chance.
    """
    if strength <= 0:
        return 1.0
    return float(min(1.0, max(1.0, squares / SQUARES) * RARE / strength**POWER))


@dataclass(frozen=True)
class Strongest:
    """Where a picture speaks the most for one compression only.

    Attributes:
        strength: the logarithm of likelihoods, summed over a window, times the share of its squares that speak alike.
        part: (H // 8, W // 8) bool, the connected squares around that window.
    """

    strength: float
    part: NDArray[np.bool_]


def strongest_window(frequencies: list[Frequency], data: bytes) -> Strongest | None:
    """Look for the window that speaks the most for one compression.

    Squares with cut colours never speak for one compression: what is cut off between two compressions lacks the peaks
    of the first, too.

    Args:
        frequencies: of the picture, with the traces of two compressions.
        data: the bytes of its file, a JPEG.

    Returns:
        The window; None if too few frequencies are certain of two compressions.
    """
    certain = [one for one in frequencies if one.support > LEAST_SUPPORT]
    if len(certain) < FEWEST_FREQUENCIES:
        return None
    once = -_sum(one.log_ratio(away_from_zero=True) for one in certain)
    once = np.where(cut_off(data), np.minimum(once, 0), once)
    side = min(WINDOW, *once.shape)

    def windows(values: Map) -> Map:
        return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_CONSTANT), np.float32)

    strength = side * side * windows(once) * windows((once > 0).astype(np.float32))
    place = np.unravel_index(int(np.argmax(strength)), strength.shape)
    return Strongest(float(strength[place]), _part(once, (int(place[0]), int(place[1])), side))


def _part(once: Map, place: tuple[int, int], side: int) -> NDArray[np.bool_]:
    """The connected squares that speak for one compression, around a window."""
    speaks = (cv2.blur(once, (3, 3), borderType=cv2.BORDER_REPLICATE) > 0).astype(np.uint8)
    _, labels = cv2.connectedComponents(speaks, connectivity=4)
    top, left = (max(0, middle - side // 2) for middle in place)
    inside = labels[top : top + side, left : left + side]
    counts = np.bincount(inside[inside > 0])
    return np.asarray(labels == int(np.argmax(counts)) if counts.size else np.zeros_like(labels, np.bool_), np.bool_)


def _regions(part: NDArray[np.uint8]) -> tuple[Region, ...]:
    """The outlines of a part, in pixels of the picture; of pictures above 67 megapixels, in whole squares."""
    whole = cv2.resize(part, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST) if part.size < 1 << 20 else part
    scale = 8 * part.shape[1] / whole.shape[1]
    contours, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    corners = (cv2.approxPolyDP(contour, 4 / scale, closed=True).reshape(-1, 2) for contour in contours)
    return tuple(
        Region(tuple((round(float(x) * scale), round(float(y) * scale)) for x, y in one))
        for one in corners
        if len(one) > 2
    )


def _sentence(part: NDArray[np.bool_] | None, share: float) -> str:
    """What was found, in words.

    Args:
        part: (H // 8, W // 8) bool, what speaks for a manipulation; None where nothing does.
        share: of the squares that look compressed once, 0..1.
    """
    if part is not None:
        size = max(1, round(100 * float(part.mean())))
        return (
            f"A part of the picture ({size} % of it) was compressed once, the rest twice: it was pasted or painted"
            " after the first save."
        )
    if share <= MOSTLY:
        return (
            f"The picture was compressed before on the squares of this file, and {100 * share:.0f} % of it shows no"
            " trace of that, as in untouched pictures. This alone proves nothing."
        )
    return "Few squares of this file show that they were compressed before. This alone proves nothing."
