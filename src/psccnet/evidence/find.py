"""All traces of one picture."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.colour_detail import colour_detail
from psccnet.evidence.copy_move import copy_move
from psccnet.evidence.double_compression import double_compression
from psccnet.evidence.error_level import error_level
from psccnet.evidence.file import file_trace
from psccnet.evidence.finding import Finding
from psccnet.evidence.jpeg_grid import jpeg_grid
from psccnet.evidence.noise import noise_level

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Subject:
    """What the traces look at.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, upright.
        data: the file's bytes; None where the picture did not come from a file.
        orientation: EXIF's of the file, 1..8: its pixels are stored so.
    """

    pixels: Pixels
    data: bytes | None = None
    orientation: int = 1

    @property
    def is_jpeg(self) -> bool:
        """Whether the picture is stored as JPEG."""
        return self.data is not None and self.data[:3] == b"\xff\xd8\xff"


TRACES: tuple[Callable[[Subject], Finding | None], ...] = (
    lambda subject: copy_move(subject.pixels),
    lambda subject: jpeg_grid(subject.pixels, subject.is_jpeg, subject.orientation),
    lambda subject: double_compression(subject.data, subject.orientation),
    lambda subject: colour_detail(subject.pixels, subject.data),
    lambda subject: noise_level(subject.pixels),
    lambda subject: error_level(subject.pixels),
    lambda subject: file_trace(subject.data, subject.pixels, subject.orientation) if subject.data else None,
)
"""In the order in which people read them: what speaks for a manipulation first."""


def find(pixels: Pixels, data: bytes | None = None, orientation: int = 1) -> tuple[Finding, ...]:
    """Look for every trace in a picture and its file.

    Args:
        pixels: (H, W, 3) uint8, RGB, upright.
        data: the file's bytes, where there is a file.
        orientation: EXIF's of the file, 1..8.

    Returns:
        One finding a trace; traces that say nothing of such a picture are left out.
    """
    subject = Subject(pixels, data, orientation)
    # OpenCV and NumPy let other threads run; copy-move, the first, takes about as long as all the rest.
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda trace: trace(subject), TRACES))
    return tuple(finding for finding in found if finding is not None)
