"""Features of formats, one by one, against what the samples mean and a second decoder: read alike, or refused."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from psccnet.errors import PictureError
from psccnet.pictures.decoding import decode

Array = NDArray[Any]
HEIGHT, WIDTH = 12, 16
RAMP = np.linspace(0, 1, WIDTH)[None] * np.linspace(0.3, 1, HEIGHT)[:, None]
COLOURS = np.stack([RAMP, RAMP[:, ::-1], np.sqrt(RAMP)], axis=-1)
ALPHA = np.repeat(np.linspace(0, 1, HEIGHT)[:, None], WIDTH, axis=1)


def grey(values: Array) -> Array:
    return np.repeat(values[..., None], 3, axis=2)


def over_white(colours: Array) -> Array:
    return colours * ALPHA[..., None] + 1 - ALPHA[..., None]


def check(data: bytes, expected: Array, may_refuse: bool) -> str:
    """Compare what is decoded with the meaning of the samples, 0..1."""
    try:
        pixels = decode(data).pixels
    except PictureError:
        assert may_refuse
        return "refused"
    assert np.abs(pixels / 255 - expected).max() < 0.015
    return "read"


def opencv_agrees(data: bytes, expected: Array) -> bool:
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    return read is not None and bool(np.abs(read / 255 - expected).max() < 0.015)


def tiff(values: Array, dtype: str, **options: Any) -> bytes:
    top = np.iinfo(dtype).max if np.dtype(dtype).kind in "ui" else 1
    stream = io.BytesIO()
    tifffile.imwrite(stream, (values * top).astype(dtype), **options)
    return stream.getvalue()


STORED: dict[str, dict[str, Any]] = {
    "strips": {"rowsperstrip": 5},
    "big-endian": {"byteorder": ">"},
    "big": {"bigtiff": True},
    "tiles": {"tile": (16, 16)},
    "deflated": {"compression": "zlib"},
    "predicted": {"compression": "zlib", "predictor": True},
}


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2", "f4"])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_grey_tiff(photometric: str, dtype: str, stored: str) -> None:
    if stored == "predicted" and dtype == "f4":
        return  # which tifffile needs another library for
    data = tiff(RAMP, dtype, photometric=photometric, **STORED[stored])
    expected = grey(RAMP if photometric == "minisblack" else 1 - RAMP)
    outcome = check(
        data, expected, dtype not in ("u1", "u2") or (photometric == "miniswhite" and stored == "big-endian")
    )
    if outcome == "read" and stored != "tiles":
        assert opencv_agrees(data, expected)


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4"])
def test_colour_tiff(dtype: str, planes: str, stored: str) -> None:
    values = COLOURS if planes == "contig" else np.moveaxis(COLOURS, -1, 0)
    data = tiff(values, dtype, photometric="rgb", planarconfig=planes, **STORED[stored])
    raw = "compression" not in STORED[stored]
    outcome = check(data, COLOURS, dtype == "u4" or (dtype == "u2" and planes == "separate" and raw))
    if outcome == "read" and stored != "tiles":
        assert opencv_agrees(data, COLOURS)


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha", "unspecified"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_tiff_with_a_fourth_sample(dtype: str, extra: str, planes: str) -> None:
    colours = COLOURS * ALPHA[..., None] if extra == "assocalpha" else COLOURS
    values = np.concatenate([colours, ALPHA[..., None]], axis=-1)
    values = values if planes == "contig" else np.moveaxis(values, -1, 0)
    data = tiff(values, dtype, photometric="rgb", planarconfig=planes, extrasamples=[extra])
    check(data, COLOURS if extra == "unspecified" else over_white(COLOURS), planes == "separate")


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha", "unspecified"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_grey_tiff_with_a_second_sample(dtype: str, extra: str, photometric: str) -> None:
    seen = RAMP if photometric == "minisblack" else 1 - RAMP
    values = np.stack([RAMP * ALPHA if extra == "assocalpha" else RAMP, ALPHA], axis=-1)
    data = tiff(values, dtype, photometric=photometric, extrasamples=[extra], planarconfig="contig")
    readable = dtype == "u1" and photometric == "minisblack"
    check(data, grey(seen) if extra == "unspecified" else over_white(grey(seen)), not readable)


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_cmyk_tiff(dtype: str, planes: str) -> None:
    inks = np.concatenate([1 - COLOURS, np.zeros((HEIGHT, WIDTH, 1))], axis=-1)
    values = inks if planes == "contig" else np.moveaxis(inks, -1, 0)
    data = tiff(values, dtype, photometric="separated", planarconfig=planes)
    check(data, COLOURS, (dtype, planes) == ("u2", "separate"))


def test_palette_and_one_bit_tiff() -> None:
    levels = np.arange(256, dtype=np.uint16) * 257
    colourmap = np.stack([levels, levels[::-1], np.roll(levels, 7)])
    index = (RAMP * 255).astype(np.uint8)
    stream = io.BytesIO()
    tifffile.imwrite(stream, index, photometric="palette", colormap=colourmap)
    check(stream.getvalue(), np.moveaxis(colourmap[:, index], 0, -1) / 65535, False)
    for photometric in ("minisblack", "miniswhite"):
        stream = io.BytesIO()
        tifffile.imwrite(stream, RAMP > 0.4, photometric=photometric)
        check(stream.getvalue(), grey((RAMP > 0.4) == (photometric == "minisblack")), False)


def png(depth: int, kind: int, samples: Array, palette: bytes = b"", transparent: bytes = b"") -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = []
    for row in samples.reshape(len(samples), -1).astype(int):
        bits = (row[:, None] >> np.arange(depth)[::-1]) & 1
        rows.append(b"\0" + np.packbits(bits.astype(np.uint8).ravel()).tobytes())
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, kind, 0, 0, 0)
    optional = (chunk(b"PLTE", palette) if palette else b"") + (chunk(b"tRNS", transparent) if transparent else b"")
    body = chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + optional + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_png(depth: int) -> None:
    top = 2**depth - 1
    levels = np.round(RAMP * top).astype(int)
    expected = grey(levels / top)
    check(png(depth, 0, levels), expected, False)
    assert opencv_agrees(png(depth, 0, levels), expected)
    key = levels[5, 9]
    expected[levels == key] = 1
    check(png(depth, 0, levels, transparent=struct.pack(">H", key)), expected, False)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palette_png(depth: int) -> None:
    palette = np.random.default_rng(0).integers(0, 256, (2**depth, 3), np.uint8)
    index = np.round(RAMP * (2**depth - 1)).astype(int)
    expected = palette[index] / 255
    check(png(depth, 3, index, palette.tobytes()), expected, False)
    expected[index == 0] = 1
    check(png(depth, 3, index, palette.tobytes(), b"\0"), expected, False)


@pytest.mark.parametrize("depth", [8, 16])
def test_colour_png(depth: int) -> None:
    top = 2**depth - 1
    levels, alpha = (np.round(values * top).astype(int) for values in (COLOURS, ALPHA[..., None]))
    check(png(depth, 2, levels), COLOURS, False)
    key = levels[4, 7]
    expected = COLOURS.copy()
    expected[(levels == key).all(axis=-1)] = 1
    check(png(depth, 2, levels, transparent=struct.pack(">HHH", *key)), expected, False)
    check(png(depth, 6, np.concatenate([levels, alpha], axis=-1)), over_white(COLOURS), False)
    both = np.concatenate([np.round(RAMP * top)[..., None], alpha], axis=-1)
    check(png(depth, 4, both), over_white(grey(RAMP)), False)


@pytest.mark.parametrize("top", [1, 15, 100, 255, 256, 1023, 4095, 65535])
@pytest.mark.parametrize("kind", [2, 3, 5, 6])
def test_netpbm(kind: int, top: int) -> None:
    values = RAMP if kind in (2, 5) else COLOURS
    levels = np.round(values * top).astype(int)
    packed = levels.astype("u1" if top < 256 else ">u2").tobytes()
    body = packed if kind > 3 else " ".join(map(str, levels.ravel())).encode()
    expected = levels / top
    check(b"P%d %d %d %d\n" % (kind, WIDTH, HEIGHT, top) + body, grey(expected) if values is RAMP else expected, False)


def bmp(bits: int, rows: list[bytes], compression: int = 0, masks: bytes = b"", header: int = 40) -> bytes:
    data = b"".join(row + b"\0" * (-len(row) % 4) for row in rows[::-1])
    inside = masks.ljust(header - 40, b"\0") if header > 40 else b""
    after = masks if header == 40 else b""
    offset = 14 + header + len(after)
    fields = struct.pack("<IiiHHIIiiII", header, WIDTH, HEIGHT, 1, bits, compression, len(data), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + fields + inside + after + data


def test_bmp() -> None:
    levels, alpha = (np.round(values * 255).astype(np.uint8) for values in (COLOURS, ALPHA[..., None]))
    blue_first = levels[..., ::-1]
    check(bmp(24, [row.tobytes() for row in blue_first]), COLOURS, False)
    for fourth in (0, 128):  # which is no transparency
        filled = np.concatenate([blue_first, np.full_like(alpha, fourth)], axis=-1)
        check(bmp(32, [row.tobytes() for row in filled]), COLOURS, False)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    with_alpha = [row.tobytes() for row in np.concatenate([blue_first, alpha], axis=-1)]
    check(bmp(32, with_alpha, 3, masks, 124), over_white(COLOURS), False)
    fifths = np.round(COLOURS * 31).astype("<u2")
    packed = fifths[..., 0] << 10 | fifths[..., 1] << 5 | fifths[..., 2]
    check(bmp(16, [row.tobytes() for row in packed]), fifths / 31, False)


TGA: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "top": (0x20, lambda a: a),
    "bottom": (0x00, lambda a: a[::-1]),
    "from the right": (0x30, lambda a: a[:, ::-1]),
    "bottom, from the right": (0x10, lambda a: a[::-1, ::-1]),
}


@pytest.mark.parametrize("order", TGA)
def test_tga(order: str) -> None:
    flags, arranged = TGA[order]
    levels, alpha = (np.round(values * 255).astype(np.uint8) for values in (COLOURS, ALPHA[..., None]))

    def made(bits: int, samples: Array, descriptor: int) -> bytes:
        return struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, WIDTH, HEIGHT, bits, descriptor) + samples.tobytes()

    check(made(24, arranged(levels[..., ::-1]), flags), COLOURS, False)
    four = np.concatenate([levels[..., ::-1], alpha], axis=-1)
    check(made(32, arranged(four), flags | 8), over_white(COLOURS), False)
    check(made(32, arranged(four), flags), COLOURS, False)  # says that it has no bits of alpha
