"""Examine how a JPEG file is built: tables, sampling, preview, and bytes after the picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.JpegImagePlugin import get_sampling

from psccnet.errors import PictureError
from psccnet.pictures.conversion import UPRIGHT
from psccnet.pictures.decoding import decode
from psccnet.pictures.identify import LUMINANCE, quality_of

_SAMPLINGS = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
_THUMBNAIL, _LENGTH = 513, 514
_LEAST_ALIKE = 0.8
"""If the correlation of a preview with its picture is lower, they show different things."""
_LEAST_PREVIEW = 40


@dataclass(frozen=True)
class Jpeg:
    """How a JPEG file is encoded.

    Attributes:
        quality: 1..100, of the standard tables that are closest to the file's own.
        standard: whether its luminance table is exactly a standard one (ITU-T T.81, K.1, as libjpeg scales it).
        sampling: size of the stored colours, such as "4:2:0".
        progressive: whether it loads from coarse to fine, as many files from the web do and no camera's file does.
        marks: names of programs that left typical segments or comments.
    """

    quality: int
    standard: bool
    sampling: str
    progressive: bool
    marks: tuple[str, ...]


def read_jpeg(picture: Image.Image) -> Jpeg | None:
    """Describe an opened JPEG; None for other formats and for one without tables."""
    tables = getattr(picture, "quantization", {})
    if picture.format not in ("JPEG", "MPO") or 0 not in tables:
        return None
    table = np.asarray(tables[0])
    quality = quality_of(float(table.mean()))
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    standard = np.array_equal(np.clip((LUMINANCE * scale + 50) // 100, 1, 255), table)
    sampling = "grey" if picture.mode == "L" else _SAMPLINGS.get(get_sampling(picture), "other")
    return Jpeg(quality, standard, sampling, bool(picture.info.get("progressive")), _marks(picture))


def _marks(picture: Image.Image) -> tuple[str, ...]:
    """Names of programs that left a typical segment or comment."""
    marks = []
    segments = dict(getattr(picture, "applist", []))
    if segments.get("APP12", b"").startswith(b"Ducky") or "photoshop" in picture.info:
        marks.append("Photoshop or another Adobe program")
    comment = picture.info.get("comment", b"")
    text = comment.decode("latin-1", "replace") if isinstance(comment, bytes) else str(comment)
    for sign, name in (("GIMP", "GIMP"), ("gd-jpeg", "a web server (gd)"), ("Lavc", "FFmpeg"), ("LEAD", "LEADTOOLS")):
        if sign in text:
            marks.append(name)
    return tuple(marks)


def bytes_after(data: bytes) -> int:
    """Number of bytes after the last picture of a JPEG file, without zeros at the end."""
    return len(data.rstrip(b"\0")) - (data.rfind(b"\xff\xd9") + 2) if b"\xff\xd9" in data else 0


def preview_differs(picture: Image.Image, pixels: NDArray[np.uint8], orientation: int = 1) -> bool | None:
    """Whether the small preview in a file's EXIF shows something else than the picture.

    Args:
        picture: the opened file.
        pixels: (H, W, 3) uint8, upright.
        orientation: EXIF orientation of the file, 1..8; it holds for the preview, too.

    Returns:
        None if there is no preview that can be compared.
    """
    data = picture.info.get("exif", b"")
    directory = picture.getexif().get_ifd(ExifTags.IFD.IFD1)
    start, length = directory.get(_THUMBNAIL), directory.get(_LENGTH)
    if not isinstance(start, int) or not isinstance(length, int) or not data:
        return None
    try:
        preview = decode(data[6 + start : 6 + start + length], max_pixels=1_000_000, upright=False).pixels
    except PictureError:
        return None
    if min(preview.shape[:2]) < _LEAST_PREVIEW:
        return None
    if orientation in UPRIGHT:
        preview = np.asarray(Image.fromarray(preview).transpose(UPRIGHT[orientation]))
    return _alike(_without_bars(_grey(preview)), _grey(pixels)) < _LEAST_ALIKE


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    longest = max(pixels.shape[:2])
    step = max(1, longest // 1024)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[::step, ::step]), cv2.COLOR_RGB2GRAY), np.float32)


def _without_bars(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Remove the black bars that cameras put around a preview of other proportions."""
    rows, columns = np.flatnonzero(grey.max(axis=1) > 24), np.flatnonzero(grey.max(axis=0) > 24)
    if len(rows) < _LEAST_PREVIEW // 2 or len(columns) < _LEAST_PREVIEW // 2:
        return grey
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _alike(preview: NDArray[np.float32], picture: NDArray[np.float32]) -> float:
    """Correlation of the preview with the picture at the preview's size, -1..1; 1 if one of them is flat."""
    height, width = preview.shape
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    one, other = (cv2.GaussianBlur(values, (0, 0), 1.5) for values in (preview, np.asarray(small, np.float32)))
    if min(one.std(), other.std()) < 3:
        return 1.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
