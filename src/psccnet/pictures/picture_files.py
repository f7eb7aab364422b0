"""Which files of a folder are pictures: one list of endings for the whole package, and what is said of other files."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import NamedTuple

from psccnet.pictures.tiff_pages import is_raw, is_tiff, main_page, read_pages


def _endings(words: str) -> frozenset[str]:
    return frozenset(f".{word}" for word in words.split())


HEIF = _endings("heic heif hif")
"""Read where the extra `heif` is installed."""
_ALWAYS = _endings(
    "jpg jpeg jpe jfif jif mpo png apng tif tiff webp bmp dib gif jp2 j2k j2c jpc jpf jpx avif avifs"
    " ppm pgm pbm pnm tga icb vda vst psd"
)
RAW = _endings("dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef raw rwl srw x3f 3fr erf kdc dcr mos mrw iiq")
_VIDEO = _endings("mp4 mov m4v avi mkv webm 3gp mts mpg mpeg wmv")
_DOCUMENTS = _endings("pdf doc docx ppt pptx odt odp xlsx eml msg pages key")
_DRAWINGS = _endings("svg eps ai ps xcf kra cdr ico jxl pfm exr hdr dcm")
_ARCHIVES = _endings("zip 7z rar tar gz tgz bz2 xz")
MEND_HEIF = "pip install 'psccnet[heif]' reads HEIC"
MEND_RAW = "develop raw files to TIFF or JPEG"
_MENDS = (
    (HEIF, MEND_HEIF),
    (RAW, MEND_RAW),
    (_VIDEO, "save frames of videos as PNG"),
    (_DOCUMENTS, "take the pictures out of documents"),
    (_DRAWINGS, "export drawings and other formats as PNG"),
    (_ARCHIVES, "unpack archives"),
)
_CLUTTER = frozenset(("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "__macosx", "@eadir"))
_STARTS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF8",
    b"II*\0",
    b"MM\0*",
    b"8BPS",
    b"\0\0\0\x0cjP  ",
    b"\xff\x4f\xff\x51",
)


@cache
def heif_is_read() -> bool:
    """Whether the extra that reads HEIC is installed."""
    return find_spec("pillow_heif") is not None


def is_picture(name: str) -> bool:
    """Whether a file is taken for a picture by the ending of its name; clutter is none."""
    ending = PurePath(name).suffix.lower()
    return (ending in _ALWAYS or (ending in HEIF and heif_is_read())) and not is_clutter(name)


def without_ending(name: str) -> str:
    """A path or name with slashes without the ending of a picture, in upper or lower case; "a.b" stays as it is."""
    ending = PurePath(name).suffix
    return name[: -len(ending)] if ending.lower() in _ALWAYS | HEIF | RAW else name


def is_clutter(name: str) -> bool:
    """Whether a path is what systems leave in folders: dot files, ._NAME of macOS, Thumbs.db, desktop.ini, @eaDir."""
    return any(
        (part.startswith(".") and part not in (".", "..")) or part.lower() in _CLUTTER for part in PurePath(name).parts
    )


class Survey(NamedTuple):
    """What lies in a folder and those below it.

    Attributes:
        pictures: sorted.
        others: how many other files there are by the lower-case ending, clutter left out.
    """

    pictures: list[Path]
    others: Counter[str]


def survey(folder: Path, by_content: bool = False) -> Survey:
    """Tell pictures from other files.

    Args:
        folder: searched with all folders below it.
        by_content: also take files of unknown endings whose first bytes are those of a picture, as downloads have, and
            raw files that hold a developed picture.
    """
    found = Survey([], Counter())
    for path in _files(folder):
        ending = path.suffix.lower()
        if is_taken(path) if by_content else is_picture(path.name):
            found.pictures.append(path)
        else:
            found.others[ending] += 1
    return found


def is_taken(path: Path) -> bool:
    """Whether a file is taken for a picture by its ending or, where that says nothing, by its first bytes."""
    return is_picture(path.name) or _holds_picture(path, path.suffix.lower())


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if not is_clutter(path.relative_to(folder).as_posix()) and path.is_file():
            yield path


def _holds_picture(path: Path, ending: str) -> bool:
    """Whether a file of another ending begins as a picture does; a raw file, whether it holds one beside a preview."""
    if mend_of(ending) is not None and ending not in RAW:
        return False
    try:
        with path.open("rb") as file:
            start = file.read(16)
            if ending in RAW:
                pages = read_pages(file) if is_tiff(start) and not is_raw(start) else []
                return main_page(pages) is not None and not any(page.sensor and not page.reduced for page in pages)
    except OSError:
        return False
    return start.startswith(_STARTS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def mend_of(ending: str) -> str | None:
    """What makes files of an ending readable, if that is known."""
    return next((mend for endings, mend in _MENDS if ending in endings), None)


def passed_over(others: Mapping[str, int]) -> str:
    """One line that counts the files that are no pictures by ending, and says how to get at those that hold some."""
    counts = ", ".join(f"{count} {ending or 'without ending'}" for ending, count in sorted(others.items()))
    mends = [mend for endings, mend in _MENDS if not endings.isdisjoint(others)]
    return f"{counts}" + (f" ({'; '.join(mends)})" if mends else "")
