"""From a path, bytes, a PIL picture or an array to RGB, with every conversion said.

| what comes in | what the network sees |
|---|---|
| EXIF orientation | the picture turned upright; masks are upright too |
| grey, 1-bit, palette, YCbCr, CIE Lab | the same colours as RGB |
| alpha, in whatever mode | the picture laid over white |
| CMYK | converted to RGB without a colour profile |
| 16 bits a channel | the high 8 bits (said for grey; of colours Pillow itself hands over 8) |
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

from psccnet.inference.resampling import bands

MAX_PIXELS = 200_000_000
"""Larger pictures are refused before they are decoded, unless the caller raises the limit."""

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "AVIF", "PPM", "TGA", "PSD", "ICO")
"""What files are read; Pillow knows more, some of which (EPS) would start other programs on strangers' files."""

Admit = Callable[[int], None]
Source = str | Path | bytes | Image.Image | NDArray[np.uint8]


class PictureError(ValueError):
    """A picture that cannot be used; the message names it and the mend."""


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
        FileNotFoundError: if there is no such file.
    """
    if isinstance(source, np.ndarray):
        return _of_array(source, name or "array", max_pixels, admit)
    if isinstance(source, Image.Image):
        with _damage_named(name or "picture"):
            pixels, notes = _convert(source, name or "picture", max_pixels, upright, admit)
        return Decoded(pixels, name or "picture", hashlib.sha256(pixels.tobytes()).hexdigest(), notes)
    if isinstance(source, bytes):
        name, data = name or "bytes", source
    else:
        path = Path(source)
        name = name or str(path)
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(f"{name}: there is no such file; check the path.") from None
        except IsADirectoryError:
            raise PictureError(f"{name}: a folder, not a picture; name a file in it.") from None
        except OSError as error:
            raise PictureError(f"{name}: cannot be read ({error.strerror}); check path and permissions.") from error
    if not data:
        raise PictureError(f"{name}: the file is empty; copy or download it again.")
    pixels, notes = _decode_bytes(data, name, max_pixels, upright, admit)
    return Decoded(pixels, name, hashlib.sha256(data).hexdigest(), notes)


def _of_array(array: NDArray[np.uint8], name: str, max_pixels: int, admit: Admit) -> Decoded:
    grey = array.ndim == 2
    pixels = np.repeat(array[..., None], 3, axis=2) if grey else array
    if array.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise PictureError(
            f"{name}: an array must be (H, W, 3) or (H, W) uint8 and not empty, not {array.shape} {array.dtype}."
        )
    _check_size(pixels.shape[1], pixels.shape[0], name, max_pixels)
    admit(pixels.shape[0] * pixels.shape[1])
    pixels = np.ascontiguousarray(pixels)
    notes = ("grey converted to RGB",) if grey else ()
    return Decoded(pixels, name, hashlib.sha256(pixels.tobytes()).hexdigest(), notes)


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise PictureError(
            f"{name}: {width} x {height} is {width * height / 1e6:.1f} megapixels, more than the limit of"
            f" {max_pixels / 1e6:g}; raise the limit (--max-megapixels) or make the picture smaller."
        )


def _decode_bytes(
    data: bytes, name: str, max_pixels: int, upright: bool, admit: Admit
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    with _PILLOW_QUIET, _damage_named(name), _open(data) as picture:
        return _convert(picture, name, max_pixels, upright, admit)


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


def _open(data: bytes) -> Image.Image:
    # Our own limit, checked before decoding, stands in for Pillow's, which no caller could raise.
    with _PILLOWS_LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            Image.init()
            # Pillow may have been built without some of them.
            return Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])
        finally:
            Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _damage_named(name: str) -> Iterator[None]:
    """Turn what Pillow raises of unreadable pictures into a `PictureError` with the picture's name."""
    try:
        yield
    except (PictureError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise PictureError(f"{name}: not a picture in a format that is read here.") from error
    # For files that are cut off or damaged, Pillow's plug-ins raise whatever comes up: OSError, SyntaxError,
    # RuntimeError, struct.error, ...
    except Exception as error:
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
    picture.load()
    notes: list[str] = []
    if getattr(picture, "n_frames", 1) > 1:
        notes.append(f"first of {getattr(picture, 'n_frames', 1)} frames")
    # Pillow has turned a TIFF by itself when it is loaded; others keep their orientation until here.
    if upright and (remaining := _orientation(picture)) in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[remaining])
    if upright and claimed in _UPRIGHT:
        notes.append(f"turned upright (EXIF orientation {claimed})")
    mode = picture.mode
    if mode in ("F", "I"):
        raise PictureError(f"{name}: {mode} pixels have no defined black and white; save it with 8 or 16 bits.")
    if mode.startswith("I;16"):
        # The swapped byte orders arrive as native numbers in the array.
        deep = np.asarray(picture).astype(np.uint16)
        grey = (deep >> 8).astype(np.uint8)
        notes.append("16 bits reduced to 8")
        if "transparency" in picture.info:
            grey[deep == picture.info["transparency"]] = 255
            notes.append("transparency laid over white")
        picture = Image.fromarray(grey)
    elif picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, rgba)
        notes.append("transparency laid over white")
    if mode not in ("RGB", "RGBA") and not mode.startswith("I;16"):
        notes.append(f"{_MODES.get(mode, mode)} converted to RGB")
    return _pixels(picture if picture.mode == "RGB" else picture.convert("RGB")), tuple(notes)


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """An RGB picture as an array, copied band by band, since Pillow makes bytes of all that it is asked for."""
    width, height = picture.size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for rows in bands(height, width):
        pixels[rows] = np.asarray(picture.crop((0, rows.start, width, rows.stop)))
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
_MODES = {"L": "grey", "LA": "grey", "1": "1-bit", "P": "palette", "PA": "palette"}
