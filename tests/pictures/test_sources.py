"""Paths, bytes, PIL pictures and arrays; limits; files that are damaged or no pictures."""

import hashlib
import io
import os
import struct
import time
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from psccnet.pictures.decoding import FORMATS, PictureError, decode

from ..conftest import texture

RGB = texture(0, 21, 17)


def encoded(form: str, picture: Image.Image | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    (picture or Image.fromarray(RGB)).save(stream, form, **options)
    return stream.getvalue()


def test_all_sources_give_the_same_pixels(tmp_path: Path) -> None:
    data = encoded("JPEG")
    path = tmp_path / "photograph.jpg"
    path.write_bytes(data)
    of_path, of_text, of_bytes = decode(path), decode(str(path)), decode(data)
    of_picture = decode(Image.open(path))
    of_array = decode(of_bytes.pixels)
    for other in (of_text, of_bytes, of_picture, of_array):
        assert np.array_equal(other.pixels, of_path.pixels)
        assert other.pixels.flags.c_contiguous
    assert of_path.sha256 == of_text.sha256 == of_bytes.sha256 == hashlib.sha256(data).hexdigest()
    assert of_array.sha256 == of_picture.sha256 == hashlib.sha256(of_path.pixels.tobytes()).hexdigest()
    assert (of_path.name, of_text.name) == (str(path), str(path))
    assert [decode(source).name for source in (data, Image.open(path), RGB)] == ["bytes", "picture", "array"]
    assert decode(path, name="exhibit 7").name == "exhibit 7"


def test_arrays() -> None:
    grey = decode(RGB[..., 0])
    assert np.array_equal(grey.pixels, np.dstack([RGB[..., 0]] * 3))
    assert grey.notes == ("grey converted to RGB",)
    view = RGB[::-1, ::2]
    decoded = decode(view)
    assert np.array_equal(decoded.pixels, view)
    assert decoded.pixels.flags.c_contiguous
    assert decoded.sha256 == decode(view.copy()).sha256


@pytest.mark.parametrize(
    "array",
    [
        RGB.astype(np.float32) / 255,
        RGB.astype(np.uint16),
        RGB > 127,
        RGB[None],
        RGB[..., :2],
        np.dstack([RGB, RGB[..., 0]]),
        RGB[0, 0],
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 0), np.uint8),
    ],
    ids=["float", "uint16", "bool", "batch", "two channels", "four channels", "one pixel", "no rows", "no columns"],
)
def test_arrays_of_other_kinds_are_refused(array: Any) -> None:
    with pytest.raises(PictureError, match=r"array must be \(H, W, 3\) or \(H, W\) uint8") as caught:
        decode(array)
    assert str(array.shape) in str(caught.value)
    assert str(array.dtype) in str(caught.value)


def claiming(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_huge_pictures_are_refused_before_decoding() -> None:
    started = time.monotonic()
    with pytest.raises(PictureError) as caught:
        decode(claiming(60_000, 60_000), name="bomb.png")
    assert time.monotonic() - started < 5
    assert str(caught.value).startswith("bomb.png: 60000 x 60000 is 3600.0 megapixels, more than the limit of 200;")


@pytest.mark.parametrize("kind", ["bytes", "picture", "array"])
def test_the_limit_is_the_callers(kind: str) -> None:
    source = {"bytes": encoded("PNG"), "picture": Image.fromarray(RGB), "array": RGB}[kind]
    assert decode(source, max_pixels=21 * 17).pixels.shape == RGB.shape
    with pytest.raises(PictureError, match=r"17 x 21 .* raise the limit \(--max-megapixels\)"):
        decode(source, max_pixels=21 * 17 - 1)


def test_the_limit_can_be_above_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    large = texture(2, 1100, 1200)  # more than a band of what is copied at a time
    for pixels in (RGB, large):
        data = encoded("PNG", Image.fromarray(pixels))
        assert np.array_equal(decode(data).pixels, pixels)
        assert np.array_equal(decode(Image.fromarray(pixels)).pixels, pixels)
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "PSD"])
def test_no_format_is_decoded_before_its_size_is_checked(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(form, Image.fromarray(texture(3, 64, 64)))

    def load(picture: Image.Image, *_: object) -> None:
        raise AssertionError(f"{picture.format} was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    monkeypatch.setattr(type(Image.open(io.BytesIO(data))), "load", load)
    with pytest.raises(PictureError, match="more than the limit"):
        decode(data, max_pixels=100)


def test_what_would_be_decoded_first_is_not_read() -> None:
    with pytest.raises(PictureError, match="not a picture in a supported format"):
        decode(encoded("ICO"), name="favicon.ico")


def test_what_comes_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    data = encoded("JPEG")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(pipe.write_bytes, data)
        decoded = decode(pipe)
    assert np.array_equal(decoded.pixels, decode(data).pixels)
    assert decoded.sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_is_not_held_in_memory_while_it_waits(tmp_path: Path) -> None:
    path = tmp_path / "large.bmp"
    Image.new("RGB", (2000, 2000)).save(path)
    held: list[int] = []
    tracemalloc.start()
    try:
        decode(path, admit=lambda _: held.append(tracemalloc.get_traced_memory()[0]))
    finally:
        tracemalloc.stop()
    assert held[0] < path.stat().st_size / 10


def test_memory_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(PictureError, match="big: does not fit in memory; make the picture smaller"):
        decode(encoded("PNG"), name="big")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for path in (tmp_path / "nothing.jpg", tmp_path / "file" / "below"):
        with pytest.raises(FileNotFoundError, match=rf"{path.name}: there is no such file"):
            decode(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jpg"
    empty.touch()
    words = tmp_path / "words.jpg"
    words.write_text("these are words")
    for path, reason in (
        (empty, "the file is empty"),
        (tmp_path, "a folder, not a picture"),
        (words, "not a picture in a supported format"),
        (tmp_path / ("x" * 300), "cannot be read"),
    ):
        with pytest.raises(PictureError, match=reason) as caught:
            decode(path)
        assert str(caught.value).startswith(f"{path}: ")
    with pytest.raises(PictureError, match="stdin: the file is empty"):
        decode(b"", name="stdin")


def test_a_picture_that_pillow_opened_but_cannot_load() -> None:
    picture = Image.open(io.BytesIO(encoded("PNG")[:200]))
    with pytest.raises(PictureError, match=r"picture: truncated or damaged"):
        decode(picture)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files_are_named(form: str, share: float) -> None:
    data = encoded(form, Image.fromarray(texture(1, 64, 64)))
    with pytest.raises(PictureError, match=r"half\.jpg: truncated or damaged( \(.+\))?; copy or download it again"):
        decode(data[: int(share * len(data))], name="half.jpg")


EXIF = Image.Exif()
EXIF[0x0112] = 6
EXIF[0x010E] = "a description"
FILES = {
    "jpeg": encoded("JPEG", exif=EXIF),
    "progressive": encoded("JPEG", progressive=True),
    "png": encoded("PNG", exif=EXIF),
    "palette": encoded("PNG", Image.fromarray(RGB).quantize(8), transparency=0),
    "animation": encoded("GIF", save_all=True, append_images=[Image.new("RGB", (17, 21))]),
    "tiff": encoded("TIFF"),
    "bmp": encoded("BMP"),
    "webp": encoded("WEBP", exif=EXIF),
    "jp2": encoded("JPEG2000"),
    "avif": encoded("AVIF"),
}


def decodes_or_is_refused(data: bytes) -> None:
    try:
        decoded = decode(data, max_pixels=1_000_000, name="file")
    except PictureError as error:
        message = str(error)
    else:
        assert decoded.pixels.dtype == np.uint8
        assert decoded.pixels.shape[2:] == (3,)
        message = "file: decoded"
    assert message.startswith("file: ")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.floats(0, 1))
def test_any_prefix_of_a_file_decodes_or_is_refused(kind: str, share: float) -> None:
    decodes_or_is_refused(FILES[kind][: int(share * len(FILES[kind]))])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_any_damage_decodes_or_is_refused(kind: str, damage: list[tuple[float, int]]) -> None:
    data = bytearray(FILES[kind])
    for at, value in damage:
        data[int(at * len(data))] = value
    decodes_or_is_refused(bytes(data))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a", b"BM", b"RIFF"]), st.binary())
@example(b"", b"\0")
def test_random_bytes_are_refused(start: bytes, rest: bytes) -> None:
    decodes_or_is_refused(start + rest)


def test_a_fault_of_ours_is_not_called_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("planted")

    monkeypatch.setattr("psccnet.pictures.conversion.bands", lambda *_: 5)
    with pytest.raises(TypeError, match="not iterable"):
        decode(FILES["png"])
    monkeypatch.setattr(Image.Image, "load", broken)
    with pytest.raises(PictureError, match="truncated or damaged"):
        decode(FILES["tiff"])


def test_threads_leave_the_warning_filters_as_they_were() -> None:
    before = list(warnings.filters)
    stream = io.BytesIO()
    Image.new("P", (30, 20)).save(stream, format="PNG", transparency=bytes([0, 128]))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: decode(stream.getvalue()), range(40)))
    assert {one.pixels.shape for one in found} == {(20, 30, 3)}
    assert warnings.filters == before
