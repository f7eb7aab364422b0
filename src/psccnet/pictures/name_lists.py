"""Lists of file names, as `find` and other programs write them."""

import io
import os
from collections.abc import Iterator
from typing import BinaryIO

_BLOCK = 1 << 16


def read_names(stream: BinaryIO) -> Iterator[str]:
    """Yield the names of a list as they arrive, so that a pipe need not end first.

    Args:
        stream: names separated by newlines, or by NUL if there is a NUL in the first block, which allows newlines in
            names. Names need not be valid text; empty ones are skipped.
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
