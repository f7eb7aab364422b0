"""Lists of file names, as `find` and other programs write them."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from psccnet.pictures.whole_files import reading

_BLOCK = 1 << 16


def names_in(listing: Path) -> Iterator[str]:
    """Yield the names of a list, as `read_names` does.

    Args:
        listing: the file; "-" is standard input.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it cannot be read.
    """
    if str(listing) == "-":
        yield from read_names(sys.stdin.buffer)
        return
    with reading(listing), listing.open("rb") as file:
        yield from read_names(file)


def read_names(stream: BinaryIO) -> Iterator[str]:
    """Yield the names of a list as they arrive, so that a pipe need not end first.

    Args:
        stream: names separated by newlines, or by NUL if there is a NUL in the first block, which allows newlines in
            names. Names need not be valid text; empty ones are skipped.

    Examples:
        >>> list(read_names(io.BytesIO(b"one.jpg" + bytes([10]) + b"my photo.jpg")))
        ['one.jpg', 'my photo.jpg']
    """
    # From a pipe, read1 returns what is there; read would wait for a whole block.
    read = stream.read1 if isinstance(stream, io.BufferedReader) else stream.read
    rest = b""
    separator = b""
    while block := read(_BLOCK):
        separator = separator or (b"\0" if b"\0" in block else b"\n")
        *complete, rest = (rest + block).split(separator)
        yield from _decoded(complete, separator)
    yield from _decoded([rest], separator)


def _decoded(names: list[bytes], separator: bytes) -> Iterator[str]:
    for name in names:
        text = os.fsdecode(name if separator == b"\0" else name.removesuffix(b"\r"))
        if text.strip():
            yield text
