"""Open a file with Pillow at the right page, or say why it is not a picture."""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageFile, UnidentifiedImageError

from psccnet.errors import PictureError, arose_here
from psccnet.pictures.lfs_pointer import POINTER, is_pointer
from psccnet.pictures.picture_files import MEND_HEIF, MEND_RAW, heif_is_read
from psccnet.pictures.tiff_pages import is_raw, is_tiff, main_page, read_pages, with_first_page

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "AVIF", "PPM", "TGA", "PSD")
"""The formats that are read; HEIF too where its extra is installed. Pillow knows more formats, but some of them decode
a picture before its size is known (ICO) or start other programs on untrusted files (EPS)."""

Stream = io.BufferedReader | io.BytesIO

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_OTHERS = (
    (b"%PDF", "a PDF; take the pictures out of it"),
    (b"<", "a web page or a drawing: HTML, XML, SVG; download the picture itself"),
    (b"\xff\x0a", "JPEG XL; save it as PNG"),
    (b"\0\0\0\x0cJXL ", "JPEG XL; save it as PNG"),
    (b"\0\0\x01\0", "an icon; save it as PNG"),
    (b"%!PS", "PostScript; save it as PNG"),
    (b"PK\x03\x04", "an archive or a document; unpack it"),
    (b"PF\n", "floating-point colours, which have no defined white; save it with 8 or 16 bits"),
    (b"P7\n", "PAM; save it as PNG"),
)
_NOT_READ = "not a picture in a supported format"


@contextmanager
def opened(stream: Stream, name: str) -> Iterator[tuple[Image.Image, tuple[str, ...]]]:
    """Open a picture at its main page, with notes on that choice; nothing is decoded yet.

    Raises:
        PictureError: if the file is empty or not a picture in a supported format. Exceptions of Pillow inside the
            `with` block become a PictureError, too.
    """
    start = stream.read(64)
    if not start:
        raise PictureError(f"{name}: the file is empty; copy or download it again.")
    if is_pointer(start):
        raise PictureError(f"{name}: {POINTER}.")
    notes: tuple[str, ...] = ()
    with PILLOW_QUIET, damage_named(name, start):
        if is_raw(start):
            raise PictureError(f"{name}: a camera's raw file; {MEND_RAW}.")
        if is_tiff(start):
            stream, notes = _at_main_page(stream, name)
        stream.seek(0)
        with open_with_pillow(stream) as picture:
            yield picture, notes


def _at_main_page(stream: Stream, name: str) -> tuple[Stream, tuple[str, ...]]:
    """A stream whose first page is the picture, and a note if it was not the first page of the file."""
    pages = read_pages(stream)
    if any(page.sensor and not page.reduced for page in pages):
        raise PictureError(f"{name}: a camera's raw file; {MEND_RAW}.")
    page = main_page(pages)
    if page is None:
        if any(page.reduced for page in pages):
            raise PictureError(
                f"{name}: holds only a preview, not the picture; save the picture itself as TIFF or JPEG."
            )
        return stream, ()
    if page.number == 0:
        return stream, ()
    preview = next((f"{other.width} x {other.height}" for other in pages if other.number == 0), "")
    note = f"the first page is a preview of {preview}; the picture of {page.width} x {page.height} is taken"
    stream.seek(0)
    return io.BytesIO(with_first_page(stream.read(), page)), (note,)


class _PillowQuiet:
    """Context manager that silences Pillow's warnings and makes Pillow refuse truncated files.

    WeasyPrint, for one, tells Pillow to accept truncated files. Both settings are global to the process, so the last
    thread that leaves the context restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = warnings.catch_warnings()
        self._truncated = False

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
                self._truncated = ImageFile.LOAD_TRUNCATED_IMAGES
                ImageFile.LOAD_TRUNCATED_IMAGES = False
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._before.__exit__(None, None, None)
                ImageFile.LOAD_TRUNCATED_IMAGES = self._truncated


PILLOW_QUIET = _PillowQuiet()
_PILLOWS_LIMIT = threading.Lock()


def open_with_pillow(stream: Stream) -> Image.Image:
    """Open a picture in one of `FORMATS`; nothing is decoded yet."""
    # Pillow's size limit is switched off, since no caller could raise it; ours is checked before decoding.
    with _PILLOWS_LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            Image.init()
            if "HEIF" not in Image.OPEN and heif_is_read():
                import pillow_heif

                pillow_heif.register_heif_opener()
            # Pillow may have been built without some formats.
            return Image.open(stream, formats=[name for name in (*FORMATS, "HEIF") if name in Image.OPEN])
        finally:
            Image.MAX_IMAGE_PIXELS = before


@contextmanager
def damage_named(name: str, start: bytes = b"") -> Iterator[None]:
    """Turn exceptions of Pillow for unreadable pictures into a `PictureError` with the picture's name.

    Args:
        name: of the picture.
        start: the file's first bytes; the message says what the file is if it is not a picture.
    """
    try:
        yield
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(f"{name}: does not fit in memory; make the picture smaller.") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{name}: {_kind_of(start)}.") from error
    # Pillow raises many kinds of exceptions for truncated or damaged files: OSError, SyntaxError, RuntimeError,
    # struct.error, ...
    except Exception as error:
        if arose_here(error):
            raise  # a bug of this package, not a damaged picture
        raise PictureError(f"{name}: truncated or damaged; copy or download it again.") from error


def _kind_of(start: bytes) -> str:
    """What a file with these first bytes is, and how to make it readable."""
    if start[4:8] == b"ftyp":
        if start[8:12] in _HEIF_BRANDS and not heif_is_read():
            return f"{_NOT_READ} (HEIC; {MEND_HEIF})"
        still = start[8:12] in (*_HEIF_BRANDS, b"avif", b"avis")
        return (
            "truncated or damaged; copy or download it again" if still else f"{_NOT_READ} (a video; save a frame of it)"
        )
    if is_tiff(start):
        return f"{_NOT_READ} (a TIFF of a rare kind; save it with 8 bits a sample, as TIFF or PNG)"
    known = next((kind for first_bytes, kind in _OTHERS if start.lstrip().startswith(first_bytes)), None)
    return f"{_NOT_READ} ({known})" if known else _NOT_READ


def is_jpeg(data: bytes) -> bool:
    """Whether a file begins as JPEGs do."""
    return data[:3] == b"\xff\xd8\xff"
