"""From a path, bytes, a PIL picture or an array to RGB, with every conversion said.

| what comes in | what the network sees |
|---|---|
| EXIF orientation | the picture turned upright; masks are upright too |
| grey, 1-bit, palette, YCbCr, CIE Lab | the same colours as RGB |
| alpha, in whatever mode | the picture laid over white |
| CMYK | converted to RGB without a colour profile |
| grey of 9 to 16 bits | the high 8 bits (of deep colours Pillow itself hands over 8) |
| several frames | the first |
| 32-bit or floating-point grey | refused: the file does not say what black and white are |
"""

import hashlib
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from psccnet.errors import MissingFileError, arose_here
from psccnet.errors import PictureError as PictureError  # known by this room's name, too
from psccnet.pictures.resampling import bands

MAX_PIXELS = 200_000_000
"""Larger pictures are refused before they are decoded, unless the caller raises the limit."""

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "AVIF", "PPM", "TGA", "PSD")
"""What files are read; Pillow knows more, some of which would decode a picture before its size is known (ICO) or start
other programs on strangers' files (EPS)."""

Admit = Callable[[int], None]
Stream = io.BufferedReader | io.BytesIO
Source = str | Path | bytes | Image.Image | NDArray[np.uint8]


@dataclass(frozen=True)
class Decoded:
    """A picture as the network sees it.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, upright.
        name: the path, or what kind of object it was.
        sha256: of the input bytes (of the pixels, where there were no bytes).
        notes: the conversions that were made, in words.
    """

    pixels: NDArray[np.uint8]
    name: str
    sha256: str
    notes: tuple[str, ...] = ()


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
        max_pixels: refuse larger ones before decoding them.
        name: what to call it in messages; the path or the kind of object where left out.
        upright: follow the EXIF orientation; ground-truth masks are drawn on the pixels as they are stored.
        admit: called with the number of pixels before they are decoded; may wait until there is room for them.

    Raises:
        PictureError: if it is no picture, is truncated, empty, too large, or in a mode that has no defined
            conversion.
        MissingFileError: if there is no such file.
    """
    if isinstance(source, np.ndarray):
        return _of_array(source, name or "array", max_pixels, admit)
    if isinstance(source, Image.Image):
        with _damage_named(name or "picture"):
            pixels, notes = _convert(source, name or "picture", max_pixels, upright, admit)
        return Decoded(pixels, name or "picture", hashlib.sha256(pixels.data).hexdigest(), notes)
    if isinstance(source, bytes):
        return _of_stream(io.BytesIO(source), name or "bytes", max_pixels, upright, admit)
    path = Path(source)
    name = name or str(path)
    try:
        with path.open("rb") as file:
            # What comes through a pipe cannot be read twice.
            stream = file if file.seekable() else io.BytesIO(file.read())
            return _of_stream(stream, name, max_pixels, upright, admit)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"{name}: there is no such file; check the path.") from None
    except IsADirectoryError:
        raise PictureError(f"{name}: a folder, not a picture; name a file in it.") from None
    except OSError as error:
        raise PictureError(f"{name}: cannot be read ({error.strerror}); check path and permissions.") from error


def _of_array(array: NDArray[np.uint8], name: str, max_pixels: int, admit: Admit) -> Decoded:
    grey = array.ndim == 2
    if array.dtype != np.uint8 or not (grey or (array.ndim == 3 and array.shape[2] == 3)) or 0 in array.shape:
        raise PictureError(
            f"{name}: an array must be (H, W, 3) or (H, W) uint8 and not empty, not {array.shape} {array.dtype}."
        )
    _check_size(array.shape[1], array.shape[0], name, max_pixels)
    admit(array.shape[0] * array.shape[1])
    pixels = np.repeat(array[..., None], 3, axis=2) if grey else np.ascontiguousarray(array)
    notes = ("grey converted to RGB",) if grey else ()
    return Decoded(pixels, name, hashlib.sha256(pixels.data).hexdigest(), notes)


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise PictureError(
            f"{name}: {width} x {height} is {width * height / 1e6:.1f} megapixels, more than the limit of"
            f" {max_pixels / 1e6:g}; raise the limit (--max-megapixels) or make the picture smaller."
        )


def _of_stream(stream: Stream, name: str, max_pixels: int, upright: bool, admit: Admit) -> Decoded:
    if not stream.read(1):
        raise PictureError(f"{name}: the file is empty; copy or download it again.")
    stream.seek(0)
    with _PILLOW_QUIET, _damage_named(name), _open(stream) as picture:
        pixels, notes = _convert(picture, name, max_pixels, upright, admit)
    stream.seek(0)
    return Decoded(pixels, name, hashlib.file_digest(stream, "sha256").hexdigest(), notes)


class _PillowQuiet:
    """Keeps Pillow's warnings to itself; filters belong to the process, so the last of some threads restores them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._before.__exit__(None, None, None)


_PILLOW_QUIET = _PillowQuiet()


_PILLOWS_LIMIT = threading.Lock()


def _open(stream: Stream) -> Image.Image:
    # Our own limit, checked before decoding, stands in for Pillow's, which no caller could raise.
    with _PILLOWS_LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            Image.init()
            # Pillow may have been built without some of them.
            return Image.open(stream, formats=[name for name in FORMATS if name in Image.OPEN])
        finally:
            Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _damage_named(name: str) -> Iterator[None]:
    """Turn what Pillow raises of unreadable pictures into a `PictureError` with the picture's name."""
    try:
        yield
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(f"{name}: does not fit in memory; make the picture smaller.") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{name}: not a picture in a format that is read here.") from error
    # For files that are cut off or damaged, Pillow's plug-ins raise whatever comes up: OSError, SyntaxError,
    # RuntimeError, struct.error, ...
    except Exception as error:
        if arose_here(error):
            raise  # a fault of ours is not the picture's
        reason = str(error) or type(error).__name__
        raise PictureError(f"{name}: truncated or damaged ({reason}); copy or download it again.") from error


def _convert(
    picture: Image.Image, name: str, max_pixels: int, upright: bool, admit: Admit
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Bring any mode to upright RGB, (H, W, 3) uint8, and say how."""
    width, height = picture.size
    _check_size(width, height, name, max_pixels)
    admit(width * height)
    claimed = _orientation(picture)
    deep = _bits(picture)
    picture.load()
    notes: list[str] = []
    if getattr(picture, "n_frames", 1) > 1:
        notes.append(f"first of {getattr(picture, 'n_frames', 1)} frames")
    # Pillow has turned a TIFF by itself when it is loaded; others keep their orientation until here.
    remaining = _orientation(picture)
    if upright and remaining in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[remaining])
    elif not upright and remaining != claimed and claimed in _AS_STORED:
        picture = picture.transpose(_AS_STORED[claimed])
    if upright and claimed in _UPRIGHT:
        notes.append(f"turned upright (EXIF orientation {claimed})")
    mode = picture.mode
    if deep is not None:
        # The swapped byte orders arrive as native numbers in the array.
        levels = np.asarray(picture)
        grey = (levels >> (deep - 8)).astype(np.uint8)
        notes.append(f"{deep} bits reduced to 8")
        if "transparency" in picture.info:
            grey[levels == picture.info["transparency"]] = 255
            notes.append("transparency laid over white")
        return np.repeat(grey[..., None], 3, axis=2), tuple(notes)
    if mode in ("F", "I"):
        raise PictureError(f"{name}: {mode} pixels have no defined black and white; save it with 8 or 16 bits.")
    if picture.has_transparency_data:
        notes.append("transparency laid over white")
    if mode not in ("RGB", "RGBA"):
        notes.append(f"{_MODES.get(mode, mode)} converted to RGB")
    return _pixels(picture), tuple(notes)


def _bits(picture: Image.Image) -> int | None:
    """How many bits the grey levels of a picture have, if they are integers of more than 8."""
    if picture.mode.startswith("I;16"):
        bits = getattr(picture, "tag_v2", {}).get(ExifTags.Base.BitsPerSample, (16,))
        return int(bits[0])
    return 16 if picture.mode == "I" and picture.format == "PPM" else None


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """A picture over white as an RGB array, band by band: Pillow copies all of what it is to convert."""
    width, height = picture.size
    transparent = picture.has_transparency_data
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for rows in bands(height, width):
        # Not crop, which holds the band against Pillow's limit.
        box = (0, rows.start, width, rows.stop)
        band = picture.transform((width, rows.stop - rows.start), Image.Transform.EXTENT, box)
        if transparent:
            white = Image.new("RGBA", band.size, (255, 255, 255, 255))
            band = Image.alpha_composite(white, band.convert("RGBA"))
        pixels[rows] = np.asarray(band.convert("RGB"))
    return pixels


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Damaged EXIF data says nothing of the pixels; damaged pixels show when they are loaded.
        return 1


_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what turns the picture upright."""
_AS_STORED = _UPRIGHT | {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""EXIF orientation -> what turns the upright picture back."""
_MODES = {"L": "grey", "LA": "grey", "1": "1-bit", "P": "palette", "PA": "palette"}
