"""Convert a picture that Pillow opened to RGB: orientation, bit depth, mode, transparency, and what Pillow misreads."""

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from psccnet.errors import PictureError
from psccnet.pictures.damage import examine
from psccnet.pictures.opening import Stream, open_with_pillow
from psccnet.pictures.resampling import bands

Admit = Callable[[int], None]


class Converted(NamedTuple):
    """A picture as RGB, how it was converted, and its EXIF orientation."""

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...]
    orientation: int


class Stored(NamedTuple):
    """How a file stores its samples; Pillow drops or ignores this.

    Attributes:
        bits: bits of a grey level, if levels are integers of more than 8 bits; otherwise None.
        inverted: whether the largest of these levels is black.
        transparent: the colour that means transparency, in Pillow's form; None if there is none.
        opaque: whether the fourth sample is not an alpha channel.
    """

    bits: int | None = None
    inverted: bool = False
    transparent: int | tuple[int, ...] | bytes | None = None
    opaque: bool = False


class Loaded(NamedTuple):
    """A decoded picture in its own mode.

    Attributes:
        picture: the pixels; the transparency in its `info` may be wrong, that in `stored` is right.
        stored: how its file stores its samples.
        notes: conversions that were made.
        orientation: the file's EXIF orientation, 1..8.
    """

    picture: Image.Image
    stored: Stored
    notes: tuple[str, ...]
    orientation: int


def check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    """Raise a PictureError if a picture has more than `max_pixels` pixels.

    Examples:
        >>> check_size(1920, 1080, "photo.jpg", max_pixels=50_000_000)
        >>> try:
        ...     check_size(20_000, 10_000, "photo.jpg", max_pixels=50_000_000)
        ... except PictureError as error:
        ...     print(str(error)[:71])
        photo.jpg: 20000 x 10000 is 200.0 megapixels, more than the limit of 50
    """
    if width * height > max_pixels:
        raise PictureError(
            f"{name}: {width} x {height} is {width * height / 1e6:.1f} megapixels, more than the limit of"
            f" {max_pixels / 1e6:g}; raise the limit (--max-megapixels) or make the picture smaller."
        )


def convert(
    picture: Image.Image, name: str, max_pixels: int, upright: bool, admit: Admit, stream: Stream | None
) -> Converted:
    """Convert an opened picture of any mode to RGB, (H, W, 3) uint8, with a note on each conversion.

    Args:
        picture: opened, not yet decoded.
        name: the picture's name in messages.
        max_pixels: larger pictures are refused before they are decoded.
        upright: turn the picture upright by its EXIF orientation.
        admit: called with the number of pixels before they are decoded.
        stream: the file that the picture was opened from, if there is one; it is checked for damage.

    Raises:
        PictureError: if the picture is too large, damaged, or in a mode that has no defined conversion.
    """
    loaded = load(picture, name, max_pixels, upright, admit, stream)
    pixels, more = _rgb(loaded.picture, loaded.stored, name)
    return Converted(pixels, (*loaded.notes, *more), loaded.orientation)


def load(
    picture: Image.Image, name: str, max_pixels: int, upright: bool, admit: Admit, stream: Stream | None
) -> Loaded:
    """Decode an opened picture and keep its mode; see `convert` for the arguments."""
    width, height = picture.size
    check_size(width, height, name, max_pixels)
    admit(width * height)
    picture, notes = _sound(picture, name, stream)
    stored = _stored(picture, name, stream)  # first, since Pillow decodes a PNG to find its orientation
    claimed = orientation_of(picture)
    picture.load()
    if getattr(picture, "n_frames", 1) > 1:
        notes.append(f"first of {getattr(picture, 'n_frames', 1)} frames")
    # Pillow turns a TIFF upright when it loads it; pictures of other formats still have their orientation here.
    remaining = orientation_of(picture)
    if upright and remaining in UPRIGHT:
        picture = picture.transpose(UPRIGHT[remaining])
    elif not upright and remaining != claimed and claimed in _AS_STORED:
        picture = picture.transpose(_AS_STORED[claimed])
    if upright and claimed in UPRIGHT:
        notes.append(f"turned upright (EXIF orientation {claimed})")
    return Loaded(picture, stored, tuple(notes), claimed if claimed in UPRIGHT else 1)


def _sound(picture: Image.Image, name: str, stream: Stream | None) -> tuple[Image.Image, list[str]]:
    """Check a picture for damage; reopen it if its file had to be repaired. Returns the picture and notes."""
    if stream is None or stream.closed or not stream.seekable():
        return picture, []
    examined = examine(picture, stream)
    if examined.fault:
        raise PictureError(f"{name}: truncated or damaged ({examined.fault}); copy or download it again.")
    if examined.mended:
        picture = open_with_pillow(io.BytesIO(examined.mended))
    return picture, [examined.note] if examined.note else []


def raw_mode(picture: Image.Image) -> str:
    """Pillow's name for the layout of an opened picture's samples in its file; "" once the picture is decoded."""
    tiles = getattr(picture, "tile", [])
    return str(tiles[0][3]) if tiles else ""


def _stored(picture: Image.Image, name: str, stream: Stream | None) -> Stored:
    """Find what Pillow misreads; raise a PictureError for what it would decode to noise."""
    tags = getattr(picture, "tag_v2", {})
    bits = _bits(picture)
    transparent = picture.info.get("transparency")
    raw = raw_mode(picture)
    if picture.format == "TIFF":
        depths = tags.get(ExifTags.Base.BitsPerSample, (1,))
        if tags.get(_SAMPLE_FORMAT, (1,))[0] == _SIGNED and picture.mode not in ("I", "F"):
            raise PictureError(f"{name}: signed samples have no defined black and white; save it with 8 or 16 bits.")
        planes = tags.get(_PLANES, 1) == _SEPARATE and len(depths) > 1
        if planes and max(depths) > 8 and tags.get(ExifTags.Base.Compression, 1) == 1:
            raise PictureError(f"{name}: 16-bit colours in separate planes are not read; save it with 8 bits a sample.")
        return Stored(bits, tags.get(ExifTags.Base.PhotometricInterpretation) == _WHITE_IS_ZERO, transparent)
    if picture.format == "PNG" and isinstance(transparent, int) and raw in _PACKED_GREY:
        transparent *= _PACKED_GREY[raw]
    if picture.format == "PNG" and isinstance(transparent, tuple) and max(transparent) > 255:
        transparent = tuple(level >> 8 for level in transparent)
    if picture.format == "TGA" and stream is not None and stream.seekable():
        stream.seek(_TGA_DESCRIPTOR)
        descriptor = stream.read(1)
        return Stored(bits, False, transparent, opaque=bool(descriptor) and not descriptor[0] & 15)
    return Stored(bits, False, transparent)


def _rgb(picture: Image.Image, stored: Stored, name: str) -> tuple[NDArray[np.uint8], list[str]]:
    """The decoded pixels as RGB, (H, W, 3) uint8, and notes on the conversions."""
    notes: list[str] = []
    if stored.bits is not None:
        # The array has native numbers, whatever the byte order of the file.
        levels = np.asarray(picture)
        grey = (levels >> (stored.bits - 8)).astype(np.uint8)
        if stored.inverted:
            grey = 255 - grey
        notes.append(f"{stored.bits} bits reduced to 8")
        if isinstance(stored.transparent, int):
            grey[levels == stored.transparent] = 255
            notes.append("transparency laid over white")
        return np.repeat(grey[..., None], 3, axis=2), notes
    mode = picture.mode
    picture = _of_8_bits(picture, stored, name)
    if picture.has_transparency_data:
        notes.append("transparency laid over white")
    if mode not in ("RGB", "RGBA"):
        notes.append(f"{_MODES.get(mode, mode)} converted to RGB")
    pixels, nothing = _over_white(picture)
    if nothing:
        notes.append("every pixel is transparent: nothing of it can be seen")
    return pixels, notes


def _bits(picture: Image.Image) -> int | None:
    """The bits of a picture's grey levels, if these are integers of more than 8 bits; otherwise None."""
    if picture.mode.startswith("I;16"):
        bits = getattr(picture, "tag_v2", {}).get(ExifTags.Base.BitsPerSample, (16,))
        return int(bits[0])
    return 16 if picture.mode == "I" and picture.format == "PPM" else None


def _of_8_bits(picture: Image.Image, stored: Stored, name: str) -> Image.Image:
    """A decoded picture with 8 bits per sample, with its true transparency, in a mode that Pillow can convert."""
    if picture.mode in ("F", "I"):
        raise PictureError(f"{name}: {picture.mode} pixels have no defined black and white; save it with 8 or 16 bits.")
    if stored.opaque and picture.mode == "RGBA":
        return picture.convert("RGB")
    if picture.mode == "La":  # Pillow converts this mode to LA only
        picture = picture.convert("LA")
    if stored.transparent is not None:
        picture.info["transparency"] = stored.transparent
    return picture


def as_rgba(loaded: Loaded, name: str) -> Image.Image:
    """A decoded picture as RGBA with 8 bits per sample; PictureError for other bit depths."""
    return _of_8_bits(loaded.picture, loaded.stored, name).convert("RGBA")


def _over_white(picture: Image.Image) -> tuple[NDArray[np.uint8], bool]:
    """A picture over a white background as an RGB array, and whether all of it is transparent.

    Converted in bands of rows, to save memory: Pillow copies whatever it converts.
    """
    width, height = picture.size
    transparent = picture.has_transparency_data
    nothing = transparent
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for rows in bands(height, width):
        # `crop` would check the band against Pillow's own size limit.
        box = (0, rows.start, width, rows.stop)
        band = picture.transform((width, rows.stop - rows.start), Image.Transform.EXTENT, box)
        if transparent:
            white = Image.new("RGBA", band.size, (255, 255, 255, 255))
            band = band.convert("RGBA")
            nothing = nothing and band.getchannel("A").getextrema() == (0, 0)
            band = Image.alpha_composite(white, band)
        pixels[rows] = np.asarray(band.convert("RGB"))
    return pixels, nothing


def orientation_of(picture: Image.Image) -> int:
    """A picture's EXIF orientation, 1..8; 1 if it has none."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Damaged EXIF data does not matter to the pixels; damaged pixels are noticed on loading.
        return 1


UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition that turns a picture of each EXIF orientation upright."""
_AS_STORED = UPRIGHT | {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""The transposition that turns an upright picture back to each EXIF orientation."""
TURNED = (5, 6, 7, 8)
"""The EXIF orientations of pictures that are stored on their side."""
_MODES = {"L": "grey", "LA": "grey", "1": "1-bit", "P": "palette", "PA": "palette", "La": "grey"}
_SAMPLE_FORMAT, _SIGNED = 339, 2
_PLANES, _SEPARATE = 284, 2
_WHITE_IS_ZERO = 0
_TGA_DESCRIPTOR = 17
_PACKED_GREY = {"L;2": 85, "L;4": 17}
"""Pillow multiplies grey levels of 2 and 4 bits by these factors, but not the level that means transparency."""
