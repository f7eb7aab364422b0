"""Every conversion that `decode` promises, and every kind of source."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from psccnet.pictures.decoding import PictureError, decode

from ..conftest import texture

Array = NDArray[Any]


def encoded(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def grey_as_rgb(grey: Array) -> Array:
    return np.repeat(grey[..., None], 3, axis=2)


def laid_over_white(rgb: Array, alpha: Array) -> Array:
    share = alpha[..., None] / 255
    return np.rint(rgb * share + 255 * (1 - share))


RGB = texture(0, 11, 7)
GREY = RGB[..., 0]
ALPHA = np.linspace(0, 255, 77).reshape(11, 7).astype(np.uint8)


def test_rgb_is_taken_as_it_is() -> None:
    decoded = decode(encoded(Image.fromarray(RGB)))
    assert np.array_equal(decoded.pixels, RGB)
    assert (decoded.pixels.dtype, decoded.notes, decoded.name) == (np.uint8, (), "bytes")


def test_grey() -> None:
    decoded = decode(encoded(Image.fromarray(GREY)))
    assert np.array_equal(decoded.pixels, grey_as_rgb(GREY))
    assert decoded.notes == ("grey converted to RGB",)


def test_one_bit() -> None:
    black_and_white = GREY > 127
    decoded = decode(encoded(Image.fromarray(black_and_white)))
    assert np.array_equal(decoded.pixels, grey_as_rgb(black_and_white * 255))
    assert decoded.notes == ("1-bit converted to RGB",)


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_palette(form: str) -> None:
    palette = Image.fromarray(RGB).quantize(8)
    decoded = decode(encoded(palette, form))
    assert np.array_equal(decoded.pixels, np.asarray(palette.convert("RGB")))
    assert decoded.notes == ("palette converted to RGB",)


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_palette_with_transparency(form: str) -> None:
    palette = Image.fromarray(RGB).quantize(8)
    expected = np.array(palette.convert("RGB"))
    expected[np.asarray(palette) == 3] = 255
    decoded = decode(encoded(palette, form, transparency=3))
    assert np.array_equal(decoded.pixels, expected)
    assert decoded.notes == ("transparency laid over white", "palette converted to RGB")


def test_palette_with_grades_of_transparency() -> None:
    palette = Image.fromarray(RGB).quantize(8)
    grades = bytes(range(0, 256, 36))
    expected = laid_over_white(np.asarray(palette.convert("RGB")), np.frombuffer(grades, np.uint8)[np.asarray(palette)])
    assert np.allclose(decode(encoded(palette, transparency=grades)).pixels, expected, atol=1)


def test_rgba() -> None:
    decoded = decode(encoded(Image.fromarray(np.dstack([RGB, ALPHA]))))
    assert np.allclose(decoded.pixels, laid_over_white(RGB, ALPHA), atol=1)
    assert (decoded.pixels[0, 0] == 255).all()
    assert decoded.notes == ("transparency laid over white",)


def test_grey_with_alpha() -> None:
    decoded = decode(encoded(Image.fromarray(np.dstack([GREY, ALPHA]))))
    assert np.allclose(decoded.pixels, laid_over_white(grey_as_rgb(GREY), ALPHA), atol=1)
    assert decoded.notes == ("transparency laid over white", "grey converted to RGB")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_one_transparent_colour(mode: str) -> None:
    source = {"L": GREY, "RGB": RGB}[mode]
    key = source[4, 2]
    expected = np.array(grey_as_rgb(GREY) if mode == "L" else RGB)
    expected[(source == key) if mode == "L" else (source == key).all(axis=2)] = 255
    data = encoded(Image.fromarray(source), transparency=int(key) if mode == "L" else tuple(map(int, key)))
    assert np.array_equal(decode(data).pixels, expected)


@pytest.mark.parametrize("form", ["TIFF", "JPEG"])
def test_cmyk(form: str) -> None:
    inks = np.broadcast_to(np.array([200, 40, 10, 30], np.uint8), (16, 16, 4))
    decoded = decode(encoded(Image.fromarray(inks, "CMYK"), form))
    assert np.allclose(decoded.pixels, [225 * (255 - c) / 255 for c in (200, 40, 10)], atol=3)
    assert decoded.notes == ("CMYK converted to RGB",)


def test_ycbcr_and_lab() -> None:
    ycbcr = decode(encoded(Image.fromarray(RGB).convert("YCbCr"), "TIFF"))
    assert np.allclose(ycbcr.pixels, RGB, atol=3)
    lab = decode(encoded(Image.new("LAB", (2, 2), (255, 128, 128)), "TIFF"))
    assert lab.pixels.min() >= 254
    assert lab.notes == ("LAB converted to RGB",)


DEEP = np.arange(77, dtype=np.uint16).reshape(11, 7) * 850


@pytest.mark.parametrize(
    ("form", "order"), [("PNG", "<"), ("TIFF", "<"), ("TIFF", ">")], ids=["png", "tiff-little", "tiff-big"]
)
def test_sixteen_bit_grey(form: str, order: str) -> None:
    mode = {"<": "I;16", ">": "I;16B"}[order]
    data = encoded(Image.frombytes(mode, (7, 11), DEEP.astype(f"{order}u2").tobytes()), form)
    if form == "TIFF":
        assert data[:2] == {"<": b"II", ">": b"MM"}[order]
    decoded = decode(data)
    assert np.array_equal(decoded.pixels, grey_as_rgb(DEEP >> 8))
    assert decoded.notes == ("16 bits reduced to 8",)


def test_twelve_bits_are_not_taken_for_sixteen() -> None:
    # Uncompressed, 2 x 2, black, white, a quarter, three quarters; two samples share three bytes.
    tags = [(256, 2), (257, 2), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 2), (279, 6)]
    pixels = bytes([0x00, 0x0F, 0xFF, 0x40, 0x0C, 0x00])
    directory = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    data = b"II*\0" + struct.pack("<I", 14) + pixels + struct.pack("<H", len(tags)) + directory + bytes(4)
    decoded = decode(data)
    assert decoded.pixels[..., 0].tolist() == [[0, 255], [64, 192]]
    assert decoded.notes == ("12 bits reduced to 8",)


def test_sixteen_bit_pgm() -> None:
    data = b"P5 7 11 65535\n" + DEEP.astype(">u2").tobytes()
    decoded = decode(data)
    assert np.array_equal(decoded.pixels, grey_as_rgb(DEEP >> 8))
    assert decoded.notes == ("16 bits reduced to 8",)


def test_sixteen_bit_grey_with_a_transparent_level() -> None:
    decoded = decode(encoded(Image.fromarray(DEEP), transparency=int(DEEP[1, 1])))
    expected = DEEP >> 8
    expected[1, 1] = 255
    assert np.array_equal(decoded.pixels, grey_as_rgb(expected))
    assert decoded.notes == ("16 bits reduced to 8", "transparency laid over white")


@pytest.mark.parametrize("mode", ["F", "I"])
def test_modes_without_black_and_white_are_refused(mode: str) -> None:
    picture = Image.fromarray(GREY).convert(mode)
    for source in (picture, encoded(picture, "TIFF")):
        with pytest.raises(PictureError, match=rf"scan\.tif: {mode} pixels have no defined black and white"):
            decode(source, name="scan.tif")


# EXIF 2.32, tag 0x0112: which side of the picture, as seen, the stored row 0 and column 0 are.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def as_seen(stored: Array, orientation: int) -> Array:
    row_side, column_side = SIDES[orientation]
    seen = stored if row_side in ("top", "bottom") else stored.swapaxes(0, 1)
    if "bottom" in (row_side, column_side):
        seen = seen[::-1]
    return seen[:, ::-1] if "right" in (row_side, column_side) else seen


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation(orientation: int, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encoded(Image.fromarray(RGB), form, exif=exif, lossless=True))
    assert np.array_equal(decoded.pixels, as_seen(RGB, orientation))
    assert decoded.notes == ((f"turned upright (EXIF orientation {orientation})",) if orientation > 1 else ())


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_ground_truth_is_left_as_it_is_stored(orientation: int, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(RGB), form, exif=exif, lossless=True)
    for source in (data, Image.open(io.BytesIO(data))):
        decoded = decode(source, upright=False)
        assert np.array_equal(decoded.pixels, RGB)
        assert decoded.notes == ()


def test_orientation_goes_with_other_conversions() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = decode(encoded(Image.fromarray(DEEP), exif=exif))
    assert np.array_equal(deep.pixels, grey_as_rgb(as_seen(DEEP, 6) >> 8))
    rgba = decode(encoded(Image.fromarray(np.dstack([RGB, ALPHA])), exif=exif))
    assert np.allclose(rgba.pixels, as_seen(laid_over_white(RGB, ALPHA), 6), atol=1)
    assert len(rgba.notes) == 2


@pytest.mark.parametrize("value", [0, 9, 77])
def test_orientations_that_are_none_are_ignored(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    decoded = decode(encoded(Image.fromarray(RGB), exif=exif))
    assert np.array_equal(decoded.pixels, RGB)
    assert decoded.notes == ()


def test_exif_that_cannot_be_read_does_not_stop_the_picture() -> None:
    plain = decode(encoded(Image.fromarray(RGB), "JPEG"))
    odd = decode(encoded(Image.fromarray(RGB), "JPEG", exif=b"Exif\0\0 no EXIF at all"))
    assert np.array_equal(odd.pixels, plain.pixels)


@pytest.mark.parametrize("form", ["GIF", "PNG", "TIFF", "WEBP"])
def test_the_first_of_several_frames(form: str) -> None:
    frames = [Image.new("RGB", (6, 5), colour) for colour in ("red", "lime", "blue")]
    decoded = decode(encoded(frames[0], form, save_all=True, append_images=frames[1:], lossless=True))
    assert (decoded.pixels == (255, 0, 0)).all()
    assert decoded.notes[0] == "first of 3 frames"


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1)])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_pictures_one_pixel_wide_or_high(shape: tuple[int, int], form: str) -> None:
    for mode in ("RGB", "L", "CMYK") if form != "PNG" else ("RGB", "L", "RGBA", "I;16"):
        decoded = decode(encoded(Image.new(mode, shape[::-1]), form))
        assert decoded.pixels.shape == (*shape, 3)


def test_truncated_files_are_refused_whatever_others_asked_pillow_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where WeasyPrint, which writes reports, is imported."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    for kind in ("PNG", "TIFF", "BMP"):
        file = io.BytesIO()
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(file, kind)
        whole = file.getvalue()
        assert decode(whole).pixels.shape == (64, 64, 3)
        with pytest.raises(PictureError):
            decode(whole[: len(whole) * 2 // 3])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True  # as they left it
