"""Read what a file says about itself: programs, dates, place. Anyone can write anything there."""

import re
from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags, Image

_BASE, _EXIF = ExifTags.Base, ExifTags.IFD.Exif
_XMP_VALUES = re.compile(rb"(?:CreatorTool|softwareAgent)(?:=\"|>)([^\"<]{1,120})")
_GENERATED = (b"trainedAlgorithmicMedia", b"compositeWithTrainedAlgorithmicMedia", b"compositeSynthetic")
"""Values of IPTC's "digital source type" for pictures that a generator made or changed."""
_GENERATOR_KEYS = ("parameters", "prompt", "workflow")
"""Text chunks in which generators store their prompt."""
_EDITORS = re.compile(
    r"photoshop|gimp|lightroom|affinity|pixelmator|paint|snapseed|picsart|facetune|canva|luminar|capture one|"
    r"picasa|photoscape|meitu|remini|darktable|rawtherapee|krita|fotor|pixlr|imagemagick|firefly|midjourney|dall",
    re.IGNORECASE,
)
_LONGEST = 60


@dataclass(frozen=True)
class Metadata:
    """What a file says about itself.

    Attributes:
        programs: the programs that wrote it, in the order in which they are named, each once.
        editors: those of the programs that are picture editors.
        taken: when the picture was taken, or None.
        changed: when the file was last changed, or None.
        place: whether it contains the place where the picture was taken.
        camera: whether it names a camera.
        generated: whether it says that a generator made or changed the picture.
    """

    programs: tuple[str, ...] = ()
    editors: tuple[str, ...] = ()
    taken: datetime | None = None
    changed: datetime | None = None
    place: bool = False
    camera: bool = False
    generated: bool = False


def read_metadata(picture: Image.Image) -> Metadata:
    """Read EXIF and XMP of an opened picture; what cannot be read is left out."""
    exif = picture.getexif()
    own = exif.get_ifd(_EXIF)
    xmp = picture.info.get("xmp", picture.info.get("XML:com.adobe.xmp", b""))
    xmp = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
    named = [exif.get(_BASE.Software), *(found.decode("utf-8", "replace") for found in _XMP_VALUES.findall(xmp))]
    programs = tuple(dict.fromkeys(plain for plain in map(_plain, named) if plain))
    return Metadata(
        programs=programs,
        editors=tuple(program for program in programs if _EDITORS.search(program)),
        taken=_date(own.get(_BASE.DateTimeOriginal)),
        changed=_date(exif.get(_BASE.DateTime)),
        place=bool(exif.get_ifd(ExifTags.IFD.GPSInfo)),
        camera=bool(_plain(exif.get(_BASE.Model))),
        generated=any(word in xmp for word in _GENERATED) or any(key in picture.info for key in _GENERATOR_KEYS),
    )


def contradictions(metadata: Metadata, now: datetime | None = None) -> list[str]:
    """Dates that cannot be true, as text.

    Args:
        metadata: of the file.
        now: the present; the time of this computer by default.

    Examples:
        >>> contradictions(Metadata(taken=datetime(2026, 5, 2), changed=datetime(2026, 5, 1)), datetime(2026, 6, 1))
        ['it was changed before it was taken']
    """
    now = now or datetime.now()
    found = []
    if metadata.taken and metadata.changed and metadata.changed < metadata.taken:
        found.append("it was changed before it was taken")
    if any(date and date > now for date in (metadata.taken, metadata.changed)):
        found.append("one of its dates lies in the future")
    return found


def _plain(value: object) -> str:
    """Text from a file, without control characters and cut short, since it may contain anything."""
    text = value.decode("latin-1") if isinstance(value, bytes) else "" if value is None else str(value)
    return "".join(letter for letter in text if letter.isprintable()).strip()[:_LONGEST]


def _date(value: object) -> datetime | None:
    try:
        return datetime.strptime(_plain(value)[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
