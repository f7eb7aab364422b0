"""From a path, bytes, a PIL picture or an array to RGB, with every conversion said.

| what comes in | what the network sees |
|---|---|
| EXIF orientation | the picture turned upright; masks are upright too |
| grey, 1-bit, palette, YCbCr, CIE Lab | the same colours as RGB |
| alpha, in whatever mode | the picture laid over white |
| CMYK | converted to RGB without a colour profile |
| 16 bits a channel (grey) | the high 8 bits |
| several frames | the first |
| 32-bit or floating-point grey | refused: the file does not say what black and white are |
"""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 100_000_000
"""Larger pictures are refused before they are decoded, unless the caller raises the limit."""

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


def decode(source: Source, max_pixels: int = MAX_PIXELS, name: str | None = None) -> Decoded:
    """Read a picture.

    Args:
        source: a path, a file's bytes, a PIL picture, or an array (H, W, 3) or (H, W) uint8.
        max_pixels: refuse larger ones before decoding them.
        name: what to call it in messages; the path or the kind of object where left out.

    Raises:
        PictureError: if it is no picture, is truncated, empty, too large, or in a mode that has no defined
            conversion.
        FileNotFoundError: if there is no such file.
    """
    if isinstance(source, np.ndarray):
        return _of_array(source, name or "array", max_pixels)
    if isinstance(source, Image.Image):
        pixels, notes = _convert(source, name or "picture", max_pixels)
        return Decoded(pixels, name or "picture", hashlib.sha256(pixels.tobytes()).hexdigest(), notes)
    if isinstance(source, bytes):
        name, data = name or "bytes", source
    else:
        path = Path(source)
        name = name or str(path)
        if not path.exists():
            raise FileNotFoundError(f"{name}: there is no such file; check the path.")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise PictureError(f"{name}: cannot be read ({error.strerror}); check its permissions.") from error
    if not data:
        raise PictureError(f"{name}: the file is empty; copy or download it again.")
    pixels, notes = _decode_bytes(data, name, max_pixels)
    return Decoded(pixels, name, hashlib.sha256(data).hexdigest(), notes)


def _of_array(array: NDArray[np.uint8], name: str, max_pixels: int) -> Decoded:
    grey = array.ndim == 2
    pixels = np.repeat(array[..., None], 3, axis=2) if grey else array
    if array.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise PictureError(
            f"{name}: an array must be (H, W, 3) or (H, W) uint8 and not empty, not {array.shape} {array.dtype}."
        )
    _check_size(pixels.shape[1], pixels.shape[0], name, max_pixels)
    pixels = np.ascontiguousarray(pixels)
    notes = ("grey converted to RGB",) if grey else ()
    return Decoded(pixels, name, hashlib.sha256(pixels.tobytes()).hexdigest(), notes)


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise PictureError(
            f"{name}: {width} x {height} is {width * height / 1e6:.1f} megapixels, more than the limit of"
            f" {max_pixels / 1e6:g}; raise the limit (--max-megapixels) or make the picture smaller."
        )


def _decode_bytes(data: bytes, name: str, max_pixels: int) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    try:
        # Our own limit, checked before decoding, stands in for Pillow's warning.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as picture:
                return _convert(picture, name, max_pixels)
    except UnidentifiedImageError as error:
        raise PictureError(f"{name}: not a picture in a format that is read here.") from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{name}: far larger than any limit here; make the picture smaller.") from error
    except PictureError:
        raise
    # Pillow's plug-ins raise these, and no common class, for files that are cut off or damaged.
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        OverflowError,
    ) as error:
        raise PictureError(f"{name}: truncated or damaged ({error}); copy or download it again.") from error


def _convert(picture: Image.Image, name: str, max_pixels: int) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Bring any mode to upright RGB, (H, W, 3) uint8, and say how."""
    width, height = picture.size
    _check_size(width, height, name, max_pixels)
    notes: list[str] = []
    if getattr(picture, "n_frames", 1) > 1:
        notes.append(f"first of {getattr(picture, 'n_frames', 1)} frames")
    orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation in range(2, 9):
        picture = ImageOps.exif_transpose(picture)
        notes.append(f"turned upright (EXIF orientation {orientation})")
    mode = picture.mode
    if mode in ("F", "I"):
        raise PictureError(f"{name}: {mode} pixels have no defined black and white; save it with 8 or 16 bits.")
    if mode.startswith("I;16"):
        # The swapped byte orders arrive as native numbers in the array.
        grey = (np.asarray(picture).astype(np.uint16) >> 8).astype(np.uint8)
        picture = Image.fromarray(grey)
        notes.append("16 bits reduced to 8")
    elif picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, rgba)
        notes.append("transparency laid over white")
    if mode not in ("RGB", "RGBA") and not mode.startswith("I;16"):
        notes.append(f"{_MODES.get(mode, mode)} converted to RGB")
    return np.array(picture.convert("RGB")), tuple(notes)


_MODES = {"L": "grey", "LA": "grey", "1": "1-bit", "P": "palette", "PA": "palette"}
