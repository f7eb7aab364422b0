"""Find damage in files that Pillow decodes without an error.

JPEG data is decoded once more by libjpeg, at an eighth of the size, with its warnings as errors. PNG and the deflated
strips of TIFF have checksums. Damage in formats without checksums (BMP, GIF, WebP, AVIF) cannot be found.
"""

import re
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import simplejpeg
from PIL import Image
from PIL.TiffImagePlugin import (
    COMPRESSION,
    JPEGTABLES,
    STRIPBYTECOUNTS,
    STRIPOFFSETS,
    TILEBYTECOUNTS,
    TILEOFFSETS,
)

_END_OF_JPEG = b"\xff\xd9"
NO_END = "the end of the file is missing, all pixels are there"
_WARNINGS = (
    ("remature end", "its JPEG data ends too soon"),
    ("extraneous bytes", "bytes are left over in its JPEG data"),
    ("instead of RST", "a part of its JPEG data is missing"),
    ("orrupt JPEG data", "its JPEG data makes no sense"),
    ("nconsistent progression", "its JPEG data makes no sense"),
    ("nvalid SOS parameters", "its JPEG data makes no sense"),
)
"""Parts of libjpeg's warnings, and what they mean. Errors of libjpeg are ignored: Pillow decides on such files."""
_STRAY = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_PADDING = 4096
"""Some cameras write up to this many bytes of one value before the end of a JPEG file."""
_CRITICAL = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_JPEG, _DEFLATE = 7, (8, 32946)
_BLOCK = 1 << 20


class Examined(NamedTuple):
    """The result of a check for damage.

    Attributes:
        fault: why the pixels cannot be trusted, as text; None if no fault was found.
        note: something unusual that does no harm, as text.
        mended: the file's bytes, repaired, if they had to be repaired before decoding.
    """

    fault: str | None = None
    note: str | None = None
    mended: bytes | None = None


def examine(picture: Image.Image, stream: BinaryIO) -> Examined:
    """Check the file that Pillow opened as `picture` for damage; `stream` is read from its beginning."""
    stream.seek(0)
    if picture.format in ("JPEG", "MPO"):
        return examine_jpeg(stream.read())
    if picture.format == "PNG":
        return _png(stream)
    if picture.format == "TIFF":
        return Examined(_strips(getattr(picture, "tag_v2", {}), stream))
    return Examined()


def examine_jpeg(data: bytes) -> Examined:
    """Check the bytes of a JPEG file for damage.

    Examples:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (16, 16)).save(file, "JPEG")
        >>> examine_jpeg(file.getvalue())
        Examined(fault=None, note=None, mended=None)
        >>> examine_jpeg(file.getvalue()[:-2]).note
        'the end of the file is missing, all pixels are there'
    """
    bare = _without_metadata(data)
    warning = jpeg_warning(bare)
    if warning is None:
        return Examined()
    stray = _STRAY.search(warning)
    if "Premature end of JPEG file" in warning and jpeg_warning(bare + _END_OF_JPEG) is None:
        return Examined(note=NO_END, mended=data + _END_OF_JPEG)
    if stray and int(stray[1]) <= _PADDING:
        end = bare.rfind(_END_OF_JPEG)
        padding = bare[end - int(stray[1]) : end]
        # Bytes of one value are padding; other bytes are left over where the decoder lost track of damaged data.
        if len(set(padding)) == 1 and jpeg_warning(bare[: end - len(padding)] + _END_OF_JPEG) is None:
            return Examined(note=f"{len(padding)} bytes of padding before the end of the file")
    return Examined(_explain(warning))


def _explain(warning: str) -> str:
    return next(meaning for part, meaning in _WARNINGS if part in warning)


def jpeg_warning(data: bytes) -> str | None:
    """The warning of libjpeg when it decodes a JPEG file, or None."""
    try:
        simplejpeg.decode_jpeg(data, "GRAY", fastdct=True, min_height=1, min_width=1, min_factor=8, strict=True)
    except (ValueError, RuntimeError) as error:
        return str(error) if any(part in str(error) for part, _ in _WARNINGS) else None
    return None


def _without_metadata(data: bytes) -> bytes:
    """A JPEG file without its APPn and COM segments: damage in these does not affect the pixels."""
    at, kept = 2, [data[:2]]
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA or marker in (0x00, 0x01, 0xD9, 0xFF) or 0xD0 <= marker <= 0xD7:
            break
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(data[at : at + 2 + size])
        at += 2 + size
    return b"".join([*kept, data[at:]])


def _png(stream: BinaryIO) -> Examined:
    """Check the chunks of a PNG against their checksums."""
    at = 8
    while True:
        stream.seek(at)
        head = stream.read(8)
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8:
            return Examined(note=NO_END)
        if kind in _CRITICAL:
            check, left = zlib.crc32(kind), size
            while left and (block := stream.read(min(left, _BLOCK))):
                check, left = zlib.crc32(block, check), left - len(block)
            if stream.read(4) != check.to_bytes(4, "big"):
                return Examined(f"the checksum of its {kind.decode()} chunk at byte {at:,} is wrong")
        if kind == b"IEND":
            return Examined()
        at += 12 + size


def _strips(tags: Mapping[int, Any], stream: BinaryIO) -> str | None:
    """Check the strips or tiles of a TIFF page, if they are deflated or JPEG; None if no fault was found."""
    compression = tags.get(COMPRESSION, 1)
    if compression != _JPEG and compression not in _DEFLATE:
        return None
    offsets = tags.get(STRIPOFFSETS) or tags.get(TILEOFFSETS) or ()
    sizes = tags.get(STRIPBYTECOUNTS) or tags.get(TILEBYTECOUNTS) or ()
    for number, (offset, size) in enumerate(zip(offsets, sizes, strict=False), 1):
        stream.seek(offset)
        if compression == _JPEG:
            part, tables = stream.read(size), bytes(tags.get(JPEGTABLES, b""))
            warning = jpeg_warning(tables[:-2] + part[2:] if tables else part)
            fault = _explain(warning) if warning else None
        else:
            fault = _deflate_fault(stream, size)
        if fault:
            return f"strip {number} of {len(offsets)}: {fault}"
    return None


def _deflate_fault(stream: BinaryIO, size: int) -> str | None:
    reader = zlib.decompressobj()
    try:
        while size > 0 and not reader.eof and (block := stream.read(min(size, _BLOCK))):
            size -= len(block)
            while block and not reader.eof:
                reader.decompress(block, _BLOCK)
                block = reader.unconsumed_tail
    except zlib.error:
        return "its deflated data is damaged"
    return None if reader.eof else "its deflated data ends too soon"
