"""Find the pictures in a folder: one list of file name endings for the whole package, and advice for other files."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import NamedTuple

from psccnet.pictures.tiff_pages import is_raw, is_tiff, main_page, read_pages


def _endings(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


HEIF = _endings("heic heif hif")
"""These are read if the extra `heif` is installed."""
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
BROKEN_LINK = "a link to a file that does not exist; correct or remove it"
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
    """Whether the extra that reads HEIF (HEIC) is installed."""
    return find_spec("pillow_heif") is not None


def is_picture(name: str) -> bool:
    """Whether a file counts as a picture by the ending of its name; system files never do (`is_clutter`).

    Examples:
        >>> is_picture("photo.JPG"), is_picture("notes.txt"), is_picture("._photo.jpg")
        (True, False, False)
    """
    ending = PurePath(name).suffix.lower()
    return (ending in _ALWAYS or (ending in HEIF and heif_is_read())) and not is_clutter(name)


def without_ending(name: str) -> str:
    """A path with slashes, without the ending of a picture (in upper or lower case); "a.b" is returned unchanged.

    Examples:
        >>> without_ending("holiday/photo.JPG"), without_ending("a.b")
        ('holiday/photo', 'a.b')
    """
    ending = PurePath(name).suffix
    return name[: -len(ending)] if ending.lower() in _ALWAYS | HEIF | RAW else name


def is_clutter(name: str) -> bool:
    """Whether a path is a system file: dot files, ._NAME of macOS, Thumbs.db, desktop.ini, @eaDir.

    Examples:
        >>> is_clutter("holiday/Thumbs.db"), is_clutter("holiday/photo.jpg")
        (True, False)
    """
    return any(
        (part.startswith(".") and part not in (".", "..")) or part.lower() in _CLUTTER for part in PurePath(name).parts
    )


class Survey(NamedTuple):
    """The files of a folder and its subfolders.

    Attributes:
        pictures: paths, sorted.
        others: the number of other files by lower-case ending, without system files.
    """

    pictures: list[Path]
    others: Counter[str]


def survey(folder: Path, by_content: bool = False) -> Survey:
    """List the pictures and count the other files of a folder.

    Args:
        folder: searched with its subfolders.
        by_content: also take files of unknown endings whose first bytes are those of a picture, such as downloads
            without an ending, and raw files that contain a developed picture.
    """
    found = Survey([], Counter())
    found.pictures.extend(find_pictures(folder, by_content, found.others))
    return found


def find_pictures(
    folder: Path, by_content: bool, others: Counter[str], failed: Callable[[str], None] = lambda _: None
) -> Iterator[Path]:
    """Yield the pictures of a folder and its subfolders, sorted, as they are found.

    Args:
        folder: searched with its subfolders; links to folders are not followed.
        by_content: see `survey`.
        others: counts the other files by lower-case ending, without system files.
        failed: called with a sentence for each folder that cannot be listed and each link to a missing file.
    """
    for path in _files(folder, failed):
        if is_taken(path) if by_content else is_picture(path.name):
            yield path
        else:
            others[path.suffix.lower()] += 1


def is_taken(path: Path) -> bool:
    """Whether a file counts as a picture by its ending or, if the ending is unknown, by its first bytes."""
    return is_picture(path.name) or _holds_picture(path, path.suffix.lower())


def _files(folder: Path, failed: Callable[[str], None]) -> Iterator[Path]:
    """Files without system files, depth first; only the names of folders on the way down are in memory."""
    stack = [_entries(folder, failed)]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif entry.is_dir(follow_symlinks=False):
            stack.append(_entries(Path(entry.path), failed))
        elif entry.is_file():
            yield Path(entry.path)
        elif entry.is_symlink() and not os.path.exists(entry.path):
            failed(f"{entry.path}: {BROKEN_LINK}.")


def _entries(folder: Path, failed: Callable[[str], None]) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return iter(
                sorted((entry for entry in entries if not is_clutter(entry.name)), key=lambda entry: entry.name)
            )
    except OSError as error:
        failed(f"{folder}: cannot be listed ({error.strerror}); check permissions.")
        return iter(())


def _holds_picture(path: Path, ending: str) -> bool:
    """Whether a file without the ending of a picture is one: by its first bytes or, if raw, by a developed page."""
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
    """How to make files of an ending readable, if that is known.

    Examples:
        >>> mend_of(".pdf")
        'take the pictures out of documents'
        >>> mend_of(".txt") is None
        True
    """
    return next((mend for endings, mend in _MENDS if ending in endings), None)


def passed_over(others: Mapping[str, int]) -> str:
    """One line with the number of files by ending that are not pictures, and how to get the pictures out of them.

    Examples:
        >>> passed_over({".pdf": 2, ".txt": 1})
        '2 .pdf, 1 .txt (take the pictures out of documents)'
    """
    counts = ", ".join(f"{count} {ending or 'without ending'}" for ending, count in sorted(others.items()))
    mends = [mend for endings, mend in _MENDS if not endings.isdisjoint(others)]
    return f"{counts}" + (f" ({'; '.join(mends)})" if mends else "")
