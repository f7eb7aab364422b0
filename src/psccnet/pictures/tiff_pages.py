"""Find the page of a TIFF that is the picture; raw files and some scanners put a thumbnail first."""

import struct
from typing import BinaryIO, NamedTuple

_REDUCED, _TRANSPARENCY = 1, 4
_OLD_REDUCED = 2
_SENSOR = (32803, 34892)
"""Photometric interpretations of sensor data: colour filter array and linear raw (TIFF/EP, DNG)."""
_MOST_PAGES = 1000
_LARGER = 2
"""The first page is a thumbnail if another page of the same shape is at least this many times as wide and as high."""
_TAGS = {254: "kind", 255: "old_kind", 256: "width", 257: "height", 262: "colours", 330: "below"}
_SIZES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_RAW_STARTS = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW")


class Page(NamedTuple):
    """A page of a TIFF.

    Attributes:
        offset: of its directory in the file, in bytes.
        number: in the chain of pages, from 0; None for a page that is below another one (SubIFD).
        width: in pixels.
        height: in pixels.
        reduced: whether the file marks it as a smaller copy, or a mask, of another page.
        sensor: whether it holds sensor data.
    """

    offset: int
    number: int | None
    width: int
    height: int
    reduced: bool
    sensor: bool


def is_tiff(start: bytes) -> bool:
    """Whether a file with these first bytes is a TIFF.

    Examples:
        >>> is_tiff(b"II*" + bytes([0, 8, 0, 0, 0])), is_tiff(b"GIF89a")
        (True, False)
    """
    return start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_raw(start: bytes) -> bool:
    """Whether a file with these first bytes is a camera's raw file other than DNG.

    Examples:
        >>> is_raw(b"II*" + bytes([0, 16, 0, 0, 0]) + b"CR"), is_raw(b"II*" + bytes(8))
        (True, False)
    """
    return start.startswith(_RAW_STARTS) or (start[8:10] == b"CR" and is_tiff(start)) or start[4:12] == b"ftypcrx "


def read_pages(stream: BinaryIO) -> list[Page]:
    """The pages of a TIFF, including those below others; of a damaged file, the pages that can be read."""
    pages: list[Page] = []
    try:
        stream.seek(0)
        start = stream.read(16)
        order = "<" if start[:2] == b"II" else ">"
        big = start[2:4] in (b"+\0", b"\0+")
        (offset,) = struct.unpack(order + ("Q" if big else "I"), start[8:16] if big else start[4:8])
        todo: list[tuple[int, int | None]] = [(offset, 0)]
        seen: set[int] = set()
        while todo and len(seen) < _MOST_PAGES:
            offset, number = todo.pop(0)
            if not offset or offset in seen:
                continue
            seen.add(offset)
            fields, following = _directory(stream, offset, order, big)
            if number is not None:
                todo.append((following, number + 1))
            todo += [(below, None) for below in fields.get("below", ())]
            first = {name: values[0] for name, values in fields.items() if values}
            kind = first.get("kind", _REDUCED if first.get("old_kind") == _OLD_REDUCED else 0)
            pages.append(
                Page(
                    offset,
                    number,
                    first.get("width", 0),
                    first.get("height", 0),
                    bool(kind & (_REDUCED | _TRANSPARENCY)),
                    first.get("colours") in _SENSOR,
                )
            )
    except (struct.error, OverflowError, OSError, ValueError):
        pass  # Pillow reports the damage when it opens the file
    return pages


def _directory(stream: BinaryIO, offset: int, order: str, big: bool) -> tuple[dict[str, tuple[int, ...]], int]:
    """The fields of a directory that are in `_TAGS`, and the offset of the next directory."""
    count_form, entry_form, inline = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    stream.seek(offset)
    (count,) = struct.unpack(order + count_form, stream.read(struct.calcsize("=" + count_form)))
    size = struct.calcsize("=" + entry_form) + inline
    if count > 4096:
        raise ValueError("no directory")
    table = stream.read(count * size)
    (following,) = struct.unpack(order + ("Q" if big else "I"), stream.read(inline))
    fields: dict[str, tuple[int, ...]] = {}
    for at in range(0, count * size, size):
        tag, form, number = struct.unpack_from(order + entry_form, table, at)
        if tag not in _TAGS or form not in _SIZES or not 0 < number <= 64:
            continue
        width = struct.calcsize("=" + _SIZES[form]) * number
        content = table[at + size - inline : at + size]
        if width > inline:
            (elsewhere,) = struct.unpack(order + ("Q" if big else "I"), content)
            stream.seek(elsewhere)
            content = stream.read(width)
        fields[_TAGS[tag]] = struct.unpack(order + str(number) + _SIZES[form], content[:width])
    return fields, following


def main_page(pages: list[Page]) -> Page | None:
    """The page that is the picture: the first that is not a smaller copy of another; None if all are."""
    whole = [page for page in pages if not page.reduced and page.width and page.height]
    if not whole:
        return None
    first = min(whole, key=lambda page: (page.number is None, page.number or 0))
    copies = [page for page in whole if _is_larger_copy(page, first)]
    return max(copies, key=lambda page: page.width * page.height, default=first)


def _is_larger_copy(page: Page, first: Page) -> bool:
    larger = page.width >= _LARGER * first.width and page.height >= _LARGER * first.height
    return larger and abs(page.width * first.height / (page.height * first.width) - 1) < 0.05


def with_first_page(data: bytes, page: Page) -> bytes:
    """The bytes of a TIFF, changed so that `page` comes first."""
    order = "<" if data[:2] == b"II" else ">"
    if data[2:4] in (b"+\0", b"\0+"):
        return data[:8] + struct.pack(order + "Q", page.offset) + data[16:]
    return data[:4] + struct.pack(order + "I", page.offset) + data[8:]
