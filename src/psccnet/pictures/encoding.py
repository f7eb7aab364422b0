"""Encode pictures and decode them as stored; the synthesis and the distortions compress pictures with this."""

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from psccnet.errors import UnusableFileError as UnusableFileError  # re-exported
from psccnet.pictures.sample import Picture

_TAIL = 1024
"""A complete JPEG or PNG has its end marker within this many bytes of its end."""


@dataclass(frozen=True)
class Encoding:
    """A file format: JPEG with a quality, or PNG.

    Attributes:
        quality: of a JPEG, 1..100; None for PNG.
        halved_chroma: 4:2:0 instead of 4:4:4.
        tables: quantisation tables instead of those of `quality`: luminance and chrominance, each 64 numbers of
            1..255, row by row. `quality` then names the standard tables that are closest.

    Examples:
        >>> Encoding(quality=90, halved_chroma=True).suffix, Encoding(quality=None).suffix
        ('.jpg', '.png')
    """

    quality: int | None
    halved_chroma: bool = False
    tables: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def suffix(self) -> str:
        """The file name's ending."""
        return ".png" if self.quality is None else ".jpg"


def encode(picture: Picture, encoding: Encoding) -> bytes:
    """Encode HxWx3 uint8 RGB to the bytes of a file; ValueError if the encoder refuses the picture.

    Examples:
        >>> picture = np.full((16, 16, 3), 128, np.uint8)
        >>> encode(picture, Encoding(quality=None))[1:4]
        b'PNG'
    """
    options: list[int] = []
    if encoding.tables is not None:
        file = BytesIO()
        tables = [list(table) for table in encoding.tables]
        Image.fromarray(picture).save(file, "JPEG", qtables=tables, subsampling=2 if encoding.halved_chroma else 0)
        return file.getvalue()
    if encoding.quality is not None:
        chroma = (
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if encoding.halved_chroma else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        )
        options = [cv2.IMWRITE_JPEG_QUALITY, encoding.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, chroma]
    done, data = cv2.imencode(encoding.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded as {encoding}")
    return bytes(data)


def decode_as_stored(data: bytes, name: str) -> Picture:
    """Decode a picture file to HxWx3 uint8 RGB, ignoring its EXIF orientation.

    Raises:
        UnusableFileError: `data` is not a picture, or is incomplete.

    Examples:
        >>> data = encode(np.full((16, 24, 3), 128, np.uint8), Encoding(quality=90))
        >>> decode_as_stored(data, "grey.jpg").shape
        (16, 24, 3)
    """
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:  # the header announces more pixels than OpenCV accepts
        decoded = None
    if decoded is None:
        raise UnusableFileError(name, "not a readable picture, or an incomplete one")
    # OpenCV fills in the missing part of a truncated file without an error.
    if b"\xff\xd9" not in data[-_TAIL:] and b"IEND" not in data[-_TAIL:]:
        try:
            with Image.open(BytesIO(data)) as picture:
                picture.load()
        except Exception as error:  # Pillow raises many kinds of exceptions for damaged files.
            raise UnusableFileError(name, "truncated or damaged") from error
    return np.asarray(decoded, np.uint8)


def compressed(picture: Picture, encoding: Encoding | None, repeated_chroma: bool = False) -> Picture:
    """Encode and decode a picture, HxWx3 uint8.

    Args:
        picture: to compress.
        encoding: of the file; None returns the picture unchanged.
        repeated_chroma: repeat each sample of halved chroma over its 2 x 2 pixels, as some editors do, instead of
            interpolating.

    Examples:
        >>> picture = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
        >>> bool((compressed(picture, Encoding(quality=None)) == picture).all())
        True
        >>> bool((compressed(picture, Encoding(quality=10)) == picture).all())
        False
    """
    if encoding is None:
        return picture
    data = encode(picture, encoding)
    if repeated_chroma and encoding.halved_chroma and min(picture.shape[:2]) > 1:
        return _with_repeated_chroma(data)
    return decode_as_stored(data, "compressed picture")


def _with_repeated_chroma(data: bytes) -> Picture:
    """Decode a 4:2:0 JPEG with repeated chroma. Decoded at half the size, its chroma is exactly what is stored."""
    with Image.open(BytesIO(data)) as whole, Image.open(BytesIO(data)) as half:
        width, height = whole.size
        whole.draft("YCbCr", whole.size)
        half.draft("YCbCr", (width // 2, height // 2))
        stored = np.asarray(half)[..., :0:-1]  # Cr, then Cb: OpenCV's order
        assert stored.shape[:2] == ((height + 1) // 2, (width + 1) // 2)
        chroma = stored.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
        both = np.concatenate([np.asarray(whole)[..., :1], chroma], axis=2)
    return np.asarray(cv2.cvtColor(both, cv2.COLOR_YCrCb2RGB), np.uint8)
