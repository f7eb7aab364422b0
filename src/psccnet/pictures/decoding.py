"""Decode a path, bytes, a PIL picture or an array to RGB, with a note on every conversion.

| input | what the network gets |
|---|---|
| EXIF orientation | the picture turned upright; masks are upright too |
| grey, 1-bit, palette, YCbCr, CIE Lab | the same colours as RGB |
| alpha, in any mode | the picture over white, with a note where every pixel is transparent |
| CMYK | converted to RGB without a colour profile |
| grey of 9 to 16 bits, either polarity | the high 8 bits (Pillow itself reduces 16-bit colours to 8) |
| several frames | the first |
| TIFF with a thumbnail first, DNG | the page that is not a reduced copy; sensor data is refused |
| 32-bit, signed or floating-point samples | refused: the file does not say what black and white are |
| a JPEG of which only the last marker is missing | accepted, with a note |
| other damage that can be found (see `damage`) | refused |

`tests/pictures/test_second_decoder.py` compares features of the formats with a second decoder.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from psccnet.errors import MissingFileError
from psccnet.errors import PictureError as PictureError  # re-exported for users
from psccnet.pictures.conversion import TURNED, check_size, convert, orientation_of
from psccnet.pictures.conversion import Admit as Admit
from psccnet.pictures.opening import FORMATS as FORMATS
from psccnet.pictures.opening import PILLOW_QUIET, Stream, damage_named, opened

MAX_PIXELS = 200_000_000
"""Larger pictures are refused before they are decoded, unless the caller raises the limit."""

MOST_KEPT = 64_000_000
"""The bytes of a file up to this size are kept with its pixels."""

Source = str | Path | bytes | Image.Image | NDArray[np.uint8]


@dataclass(frozen=True)
class Decoded:
    """A picture as the network gets it.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, upright.
        name: the path, or the kind of object that was decoded.
        sha256: of the file's bytes; of the pixels, if there is no file.
        notes: the conversions that were made, as text.
        orientation: the file's EXIF orientation, 1..8.
        data: the file's bytes, for the traces in them; None if there is no file or it has more than 64 MB.
    """

    pixels: NDArray[np.uint8]
    name: str
    sha256: str
    notes: tuple[str, ...] = ()
    orientation: int = 1
    data: bytes | None = field(default=None, repr=False)


class Header(NamedTuple):
    """What is known of a picture before it is decoded.

    Attributes:
        width: of the upright picture, in pixels.
        height: of the upright picture, in pixels.
        orientation: the file's EXIF orientation, 1..8.
    """

    width: int
    height: int
    orientation: int


def decode(
    source: Source,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
    upright: bool = True,
    admit: Admit = lambda _pixels: None,
) -> Decoded:
    """Read a picture.

    Args:
        source: a path, a file's bytes, a PIL picture, or an array (H, W, 3) or (H, W) uint8.
        max_pixels: larger pictures are refused before they are decoded.
        name: the picture's name in messages; by default the path or the kind of object.
        upright: turn the picture upright by its EXIF orientation; False keeps the pixels as they are stored.
        admit: called with the number of pixels before they are decoded; it may wait until there is memory for them.

    Raises:
        PictureError: if the source is not a picture, or is truncated, empty, too large, or in a mode that has no
            defined conversion.
        MissingFileError: if there is no such file.
    """
    if isinstance(source, np.ndarray):
        return _of_array(source, name or "array", max_pixels, admit)
    if isinstance(source, Image.Image):
        name = name or "picture"
        with PILLOW_QUIET, damage_named(name):
            made = convert(source, name, max_pixels, upright, admit, getattr(source, "fp", None))
        return Decoded(made.pixels, name, hashlib.sha256(made.pixels.data).hexdigest(), made.notes, made.orientation)
    if isinstance(source, bytes):
        return _of_stream(io.BytesIO(source), name or "bytes", max_pixels, upright, admit)
    path = Path(source)
    with named_file(path, name or str(path)) as stream:
        return _of_stream(stream, name or str(path), max_pixels, upright, admit)


@contextmanager
def named_file(path: Path, name: str) -> Iterator[Stream]:
    """Open a file for reading; raise a PictureError or MissingFileError if that fails."""
    try:
        with path.open("rb") as file:
            # A pipe cannot be read twice.
            yield file if file.seekable() else io.BytesIO(file.read())
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"{name}: there is no such file; check the path.") from None
    except IsADirectoryError:
        raise PictureError(f"{name}: a folder, not a picture; give a file in it.") from None
    except OSError as error:
        raise PictureError(f"{name}: cannot be read ({error.strerror}); check path and permissions.") from error


def _of_array(array: NDArray[np.uint8], name: str, max_pixels: int, admit: Admit) -> Decoded:
    grey = array.ndim == 2
    if array.dtype != np.uint8 or not (grey or (array.ndim == 3 and array.shape[2] == 3)) or 0 in array.shape:
        raise PictureError(
            f"{name}: an array must be (H, W, 3) or (H, W) uint8 and not empty, not {array.shape} {array.dtype}."
        )
    check_size(array.shape[1], array.shape[0], name, max_pixels)
    admit(array.shape[0] * array.shape[1])
    pixels = np.repeat(array[..., None], 3, axis=2) if grey else np.ascontiguousarray(array)
    notes = ("grey converted to RGB",) if grey else ()
    return Decoded(pixels, name, hashlib.sha256(pixels.data).hexdigest(), notes)


def _of_stream(stream: Stream, name: str, max_pixels: int, upright: bool, admit: Admit) -> Decoded:
    with opened(stream, name) as (picture, notes):
        made = convert(picture, name, max_pixels, upright, admit, stream)
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if size > MOST_KEPT:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Decoded(made.pixels, name, digest, (*notes, *made.notes), made.orientation)
    data = stream.read()
    digest = hashlib.sha256(data).hexdigest()
    return Decoded(made.pixels, name, digest, (*notes, *made.notes), made.orientation, data)


def read_header(path: Path, max_pixels: int = MAX_PIXELS) -> Header:
    """The size and orientation of a picture, without decoding it.

    Raises:
        PictureError: if the file is not a picture, or is too large.
        MissingFileError: if there is no such file.
    """
    with named_file(path, str(path)) as stream, opened(stream, str(path)) as (picture, _):
        check_size(*picture.size, str(path), max_pixels)
        orientation = orientation_of(picture)
        width, height = picture.size
    return Header(height, width, orientation) if orientation in TURNED else Header(width, height, orientation)
