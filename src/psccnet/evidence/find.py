"""Look for all traces in one picture."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.colour_filter import colour_filter
from psccnet.evidence.copy_move import copy_move
from psccnet.evidence.double_compression import double_compression
from psccnet.evidence.double_compression.stored import read_stored
from psccnet.evidence.error_level import error_level
from psccnet.evidence.file import file_trace
from psccnet.evidence.finding import Finding
from psccnet.evidence.jpeg_grid import jpeg_grid
from psccnet.evidence.noise import noise_level
from psccnet.evidence.square_statistics import square_statistics
from psccnet.pictures.opening import is_jpeg

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Subject:
    """The picture that is examined, as the traces need it.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, upright.
        data: the file's bytes; None if the picture did not come from a file.
        orientation: EXIF orientation of the file, 1..8.
    """

    pixels: Pixels
    data: bytes | None = None
    orientation: int = 1

    @property
    def is_jpeg(self) -> bool:
        """Whether the picture is stored as JPEG."""
        return self.data is not None and is_jpeg(self.data)


def _of_stored_squares(subject: Subject) -> tuple[Finding | None, ...]:
    """Two traces that need what the file stores, which is read once."""
    data, orientation = subject.data, subject.orientation
    stored = read_stored(data)
    return double_compression(data, orientation, stored), square_statistics(subject.pixels, data, orientation, stored)


TRACES: tuple[Callable[[Subject], tuple[Finding | None, ...]], ...] = (
    lambda subject: (copy_move(subject.pixels),),
    lambda subject: (jpeg_grid(subject.pixels, subject.is_jpeg, subject.orientation),),
    lambda subject: (None if subject.is_jpeg else colour_filter(subject.pixels),),
    _of_stored_squares,
    lambda subject: (noise_level(subject.pixels),),
    lambda subject: (error_level(subject.pixels),),
    lambda subject: (file_trace(subject.data, subject.pixels, subject.orientation) if subject.data else None,),
)
"""In reading order: first the traces that can speak for a manipulation."""


def find(pixels: Pixels, data: bytes | None = None, orientation: int = 1) -> tuple[Finding, ...]:
    """Look for every trace in a picture and its file.

    Args:
        pixels: (H, W, 3) uint8, RGB, upright.
        data: the file's bytes; None if there is no file.
        orientation: EXIF orientation of the file, 1..8.

    Returns:
        One finding per trace, without the traces that do not apply to this picture.
    """
    subject = Subject(pixels, data, orientation)
    # OpenCV and NumPy let other threads run; copy-move, the first, takes about as long as all the rest.
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda trace: trace(subject), TRACES))
    return tuple(finding for findings in found for finding in findings if finding is not None)
