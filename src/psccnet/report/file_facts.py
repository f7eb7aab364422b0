"""Facts from a picture's file: format, size, camera, software, dates; any of them may be missing or false."""

import io
from collections.abc import Iterator
from typing import Any

from PIL import ExifTags, Image

from psccnet.errors import PictureError
from psccnet.pictures.opening import opened

_SHOWN = {
    "Make": "camera's maker",
    "Model": "camera",
    "LensModel": "lens",
    "Software": "software",
    "DateTimeOriginal": "taken",
    "DateTime": "last changed",
    "Artist": "artist",
    "Copyright": "copyright",
    "ImageDescription": "description",
}
LONGEST = 200
"""Most characters of a value that are shown."""


def file_facts(data: bytes, name: str = "picture") -> list[tuple[str, str]]:
    """Read names and values for people from a picture's file; unreadable ones are left out.

    Args:
        data: the file.
        name: of the picture, for errors, which are not raised.

    Examples:
        >>> file_facts(b"not a picture")
        [('file size', '13 bytes')]
    """
    facts = [("file size", f"{len(data):,} bytes")]
    try:
        with opened(io.BytesIO(data), name) as (picture, _):
            facts.append(("format", _format(picture)))
            facts.append(("stored size", f"{picture.width} x {picture.height} pixels"))
            facts += _exif(picture)
    except PictureError:
        pass  # whoever decodes it says so
    return facts


def _format(picture: Image.Image) -> str:
    known = picture.format_description or picture.format or "unknown"
    return f"{known}, progressive" if picture.info.get("progressive") else known


def _exif(picture: Image.Image) -> Iterator[tuple[str, str]]:
    exif = picture.getexif()
    values: dict[int, Any] = {**exif.get_ifd(ExifTags.IFD.Exif), **exif}
    by_name = {ExifTags.TAGS.get(tag, ""): value for tag, value in values.items()}
    for tag, label in _SHOWN.items():
        text = _text(by_name.get(tag))
        if text:
            yield label, text
    place = _place(exif.get_ifd(ExifTags.IFD.GPSInfo))
    if place:
        yield "place", place
    if not values:
        yield "EXIF", "none, as networks and messengers leave it"


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if value is None:
        return ""
    # A file is a stranger's: no control characters, and no novel.
    plain = "".join(letter for letter in str(value) if letter.isprintable()).strip()
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…"


def _place(gps: dict[int, Any]) -> str:
    """Latitude and longitude in degrees, from the three numbers of each."""
    found = []
    for value, reference in ((2, 1), (4, 3)):
        try:
            degrees, minutes, seconds = (float(part) for part in gps[value])
            side = str(gps[reference]).strip()[:1].upper()
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            return ""
        if side not in {"N", "S", "E", "W"}:
            return ""
        found.append(f"{degrees + minutes / 60 + seconds / 3600:.5f}° {side}")
    return ", ".join(found)
