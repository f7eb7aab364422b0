"""What is measured in each square of 8 x 8 pixels: stored coefficients, errors of one more compression, noise, colours.

A part that comes from elsewhere, or was painted or filled, has another history than the rest: other compressions on
another grid, another camera, another scale. Each leaves its own mean values in these numbers. Nothing here decides; the
network does (`psccnet.network.square_statistics`), which was trained on exactly these numbers in this order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.colour_filter import CROSS
from psccnet.evidence.double_compression.coefficients import Frequency
from psccnet.evidence.double_compression.stored import Stored, read_stored
from psccnet.evidence.error_level import recompressed
from psccnet.pictures.masks import turned

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]
Place = tuple[slice, slice]

SQUARE = 8
"""Side of a square in pixels; also that of the transform in JPEG."""
FREQUENCIES = tuple(
    sorted(
        ((down, across) for down in range(8) for across in range(8)),
        key=lambda at: (sum(at), at[0] if sum(at) % 2 else at[1]),
    )[:28]
)
"""The coefficients that are used, (vertical, horizontal): the first 28 along JPEG's zigzag."""
LARGEST = 60
"""Coefficients beyond +-this are cut to it."""
QUALITIES = (75, 90)
"""Of the compressions whose errors are measured."""
MEASURES = (
    "twice",
    *(f"{axis}{phase}" for phase in range(SQUARE) for axis in ("column", "row")),
    *(f"error{quality}{of}" for quality in QUALITIES for of in ("", "colour")),
    *(f"noise{plane}" for plane in ("", "red", "blue")),
    "middle",
    "finered",
    "fineblue",
    "brightness",
    "cut",
    "saturation",
    "lattice",
)
"""The names of the measures, in order."""
COUNT = len(MEASURES)
_PIECE = 512, 4096
"""Rows and columns at once, so that memory stays bounded; multiples of 16, as halved colours need. JPEG itself allows
no more than 65,500."""
_HALO = 16
"""Pixels beside a piece that its measures see, a multiple of 16."""
_NEIGHBOURS = 2.0
"""Standard deviation, in values, of the window that a value's frequency is compared with."""
_LAPLACE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
_BASIS = np.array(
    [
        [np.sqrt((2 if k else 1) / SQUARE) * np.cos((2 * n + 1) * k * np.pi / (2 * SQUARE)) for n in range(SQUARE)]
        for k in range(SQUARE)
    ],
    np.float32,
)


@dataclass(frozen=True)
class Features:
    """What was measured in a picture of h x w whole squares, as its file stores it.

    Attributes:
        coefficients: (28, h, w) int8, -60..60: of the luminance, in steps of the file's quantisation.
        peaks: (28, 121) float32, -3..3: for each coefficient and value, how much more frequent that value is in the
            picture than its neighbours are, as a logarithm. Two compressions leave peaks and gaps there.
        steps: (28,) float32, at least 1: the steps. Of other files than JPEG, and with unknown ones, all 1.
        jpeg: whether the steps are those of a JPEG.
        measures: (31, h, w) float32, `MEASURES` in their order.
    """

    coefficients: NDArray[np.int8]
    peaks: Plane
    steps: Plane
    jpeg: bool
    measures: Plane

    def on_peaks(self) -> Plane:
        """(28, h, w) float32, -3..3: whether each square's coefficients lie on peaks of the picture or in gaps."""
        values = self.coefficients.astype(np.intp) + LARGEST
        return np.stack([row[one] for row, one in zip(self.peaks, values, strict=True)])


def measure(pixels: Pixels, data: bytes | None = None, orientation: int = 1, stored: Stored | None = None) -> Features:
    """Measure each whole square of a picture.

    Args:
        pixels: (H, W, 3) uint8, RGB, upright; at least 8 x 8.
        data: the file's bytes, where there is a file.
        orientation: EXIF's, 1..8: how the pixels lie in the file. What is measured lies as in the file.
        stored: what the file stores, if it was read before.

    Examples:
        >>> found = measure(np.full((40, 64, 3), 128, np.uint8))
        >>> found.coefficients.shape, found.measures.shape, found.jpeg
        ((28, 5, 8), (31, 5, 8), False)
    """
    if orientation != 1:
        pixels = np.stack([as_stored(pixels[..., plane], orientation) for plane in range(3)], axis=2)
    height, width = (side // SQUARE for side in pixels.shape[:2])
    stored = stored or read_stored(data)
    if stored is not None and stored.grey.shape != pixels.shape[:2]:  # not the picture of this file
        stored = None
    measures = np.empty((COUNT, height, width), np.float32)
    coefficients = np.empty((len(FREQUENCIES), height, width), np.int8)
    table = np.ones((SQUARE, SQUARE), np.int64) if stored is None else stored.table
    for place, piece, inside in _pieces(pixels):
        planes = np.asarray(cv2.cvtColor(piece, cv2.COLOR_RGB2YCrCb), np.uint8)
        measures[1:, *place] = _measured(piece, planes)[:, *inside]
        within = tuple(slice(SQUARE * one.start, SQUARE * one.stop) for one in (inside if stored is None else place))
        grey: Pixels = planes[..., 0] if stored is None else stored.grey
        coefficients[:, *place] = _coefficients(grey[within], table)
    measures[0] = 0 if stored is None else _once_or_twice(stored.twice, (height, width))
    steps = np.array([table[at] for at in FREQUENCIES], np.float32)
    return Features(coefficients, _peaks(coefficients), np.maximum(steps, 1), stored is not None, measures)


def as_stored(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an upright plane, (H, W), to where it lies in the file; the way back is `psccnet.pictures.masks.turned`.

    Examples:
        >>> as_stored(np.array([[4, 1], [5, 2], [6, 3]]), orientation=6).tolist()
        [[1, 2, 3], [4, 5, 6]]
    """
    return turned(values, {6: 8, 8: 6}.get(orientation, orientation))


def _pieces(pixels: Pixels) -> Iterator[tuple[Place, Pixels, Place]]:
    """Where a piece lies in the picture, its pixels with a halo, and where it lies in these; places in squares."""
    spans = [list(_spans(side, most)) for side, most in zip(pixels.shape, _PIECE, strict=False)]
    for down, top, bottom in spans[0]:
        for across, left, right in spans[1]:
            piece = np.ascontiguousarray(pixels[top:bottom, left:right])
            inside = _moved(down, -top // SQUARE), _moved(across, -left // SQUARE)
            yield (down, across), piece, inside


def _spans(side: int, most: int) -> Iterator[tuple[slice, int, int]]:
    """Spans of whole squares along an axis, and the first and last pixel of each with its halo."""
    squares = side // SQUARE
    for start in range(0, squares, most // SQUARE):
        stop = min(squares, start + most // SQUARE)
        yield slice(start, stop), max(0, start * SQUARE - _HALO), min(side, stop * SQUARE + _HALO)


def _moved(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)


def _coefficients(grey: Pixels, table: NDArray[np.int64]) -> NDArray[np.int8]:
    """(28, h, w): coefficients in steps of the table."""
    height, width = (side // SQUARE for side in grey.shape)
    squares = grey[:, : width * SQUARE].astype(np.float32) - 128
    squares = squares.reshape(height, SQUARE, width, SQUARE).transpose(0, 2, 1, 3)
    found = _BASIS @ squares @ _BASIS.T
    found /= table.astype(np.float32)
    np.clip(np.rint(found, out=found), -LARGEST, LARGEST, out=found)
    return np.stack([found[..., down, across] for down, across in FREQUENCIES]).astype(np.int8)


def _peaks(coefficients: NDArray[np.int8]) -> Plane:
    """See `Features.peaks`. The first coefficient, the mean of the square, has no such histogram."""
    found = np.zeros((len(coefficients), 2 * LARGEST + 1), np.float32)
    known = np.ones(found.shape[1], np.float32)
    known[[0, LARGEST, -1]] = 0  # 0 is a peak in every picture, and the ends hold what was cut off
    weights = _smooth(known)
    for row, values in zip(found[1:], coefficients[1:], strict=True):
        counts = np.bincount(values.ravel().astype(np.intp) + LARGEST, minlength=row.size).astype(np.float32)
        counts = (counts + counts[::-1]) * known / np.float32(2)
        around = _smooth(counts) / np.maximum(weights, np.float32(1e-3))
        row[:] = np.clip(np.log((counts + 1) / (around + 1)), -3, 3) * known
    return found


def _smooth(row: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(row[None], (0, 0), _NEIGHBOURS)[0], np.float32)


def _once_or_twice(frequencies: list[Frequency], shape: tuple[int, int]) -> Plane:
    """(h, w), -8..8: how much more likely each square was compressed twice than once; 0 if nothing was."""
    ratio = np.zeros(shape, np.float32)
    for frequency in frequencies:
        ratio += frequency.log_ratio()
    return np.clip(ratio, -8, 8)


def _measured(piece: Pixels, planes: Pixels) -> Plane:
    """(30, h, w): all measures but the first, of a piece."""
    grey, red, blue = (np.asarray(plane, np.float32) for plane in cv2.split(planes))
    across = _second_difference(grey, [[-1, 2, -1]])
    down = _second_difference(grey, [[-1], [2], [-1]])
    height, width = (side // SQUARE for side in grey.shape)
    whole = slice(height * SQUARE), slice(width * SQUARE)
    # OpenCV's means of blocks are several times faster than NumPy's.
    columns = _averaged(across[whole], height, width * SQUARE).reshape(height, width, SQUARE)
    rows = _averaged(down[whole], height * SQUARE, width).reshape(height, SQUARE, width)
    found = [logarithm for phase in range(SQUARE) for logarithm in (columns[..., phase], rows[:, phase])]
    found = [np.log(one + np.float32(0.1)) for one in found]
    for quality in QUALITIES:
        brightness, first, second = _error(piece, planes, quality)
        found += [np.log(brightness + np.float32(0.05)), np.log(first + second + np.float32(0.05))]
    found += [
        np.log(_mean(np.abs(cv2.filter2D(plane, -1, _LAPLACE))) + np.float32(0.03)) for plane in (grey, red, blue)
    ]
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    found.append(np.log(_mean(np.abs(smooth - cv2.GaussianBlur(grey, (0, 0), 2.0))) + np.float32(0.05)))
    found += [
        np.log(_mean(np.abs(plane - cv2.GaussianBlur(plane, (0, 0), 1.0))) + np.float32(0.03)) for plane in (red, blue)
    ]
    colours = cv2.split(piece)
    highest, lowest = cv2.max(cv2.max(*colours[:2]), colours[2]), cv2.min(cv2.min(*colours[:2]), colours[2])
    found.append(_mean(grey) / np.float32(255))
    found.append(_mean(((lowest <= 1) | (highest >= 254)).astype(np.float32)))
    found.append(_mean(np.asarray(highest - lowest, np.float32)) / np.float32(255))
    found.append(_lattice(piece[..., 1]))
    return np.stack(found)


def _lattice(green: Pixels) -> Plane:
    """How much worse each pixel is predicted from its four neighbours on one colour of a chessboard than on the other.

    A camera measures green on one of them and interpolates it on the other (Ferrara et al., TIFS 2012). Pieces begin at
    even pixels, so that the two colours are the same ones throughout a picture.
    """
    values = green.astype(np.float32)
    error = np.abs(values - cv2.filter2D(values, -1, CROSS))
    other = error.copy()
    error[::2, 1::2] = error[1::2, ::2] = 0
    other[::2, ::2] = other[1::2, 1::2] = 0
    return np.asarray(np.log(_mean(error) + np.float32(0.05)) - np.log(_mean(other) + np.float32(0.05)), np.float32)


def _second_difference(grey: Plane, kernel: list[list[int]]) -> Plane:
    """Absolute second difference along an axis, at most 20 grey levels."""
    return np.minimum(np.abs(cv2.filter2D(grey, -1, np.array(kernel, np.float32))), 20)


def _error(piece: Pixels, planes: Pixels, quality: int) -> tuple[Plane, ...]:
    """Mean change of brightness and of both colour differences by one more compression, (h, w) each."""
    again = cv2.cvtColor(recompressed(piece, quality), cv2.COLOR_RGB2YCrCb)
    change = cv2.absdiff(planes, np.asarray(again, np.uint8))
    return tuple(_mean(np.asarray(one, np.float32)) for one in cv2.split(change))


def _mean(plane: Plane) -> Plane:
    """Mean of each whole square, (h, w)."""
    height, width = (side // SQUARE for side in plane.shape)
    return _averaged(plane[: height * SQUARE, : width * SQUARE], height, width)


def _averaged(plane: Plane, height: int, width: int) -> Plane:
    """Means of equal blocks."""
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), np.float32)
