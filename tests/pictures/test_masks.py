"""One reader of masks, for whatever editors and programs write."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from psccnet.errors import PictureError
from psccnet.pictures.masks import MaskRule, marks_nothing, placed, read_grey, read_mask

HEIGHT, WIDTH = 9, 12
TRUTH = np.zeros((HEIGHT, WIDTH), bool)
TRUTH[2:5, 3:9] = True
WHITE = TRUTH.astype(np.uint8) * 255


def rgba(colour: tuple[int, int, int], under: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    pixels = np.where(TRUTH[..., None], colour, under)
    return Image.fromarray(np.dstack([pixels, WHITE]).astype(np.uint8))


def palette(transparent: int) -> tuple[Image.Image, dict[str, Any]]:
    picture = Image.fromarray((TRUTH ^ bool(transparent)).astype(np.uint8), "P")
    picture.putpalette([255, 255, 255] * 2)
    return picture, {"transparency": transparent}


KINDS: dict[str, tuple[Image.Image, dict[str, Any]]] = {
    "grey": (Image.fromarray(WHITE), {}),
    "1 bit": (Image.fromarray(TRUTH), {}),
    "colours": (Image.fromarray(WHITE).convert("RGB"), {}),
    "16 bits": (Image.fromarray(TRUTH.astype(np.uint16) * 65535), {}),
    "16 bits holding 255": (Image.fromarray(TRUTH.astype(np.uint16) * 255), {}),
    "white on transparent": (rgba((255, 255, 255)), {}),
    "red on transparent": (rgba((255, 0, 0)), {}),
    "white on transparent white": (rgba((255, 255, 255), (255, 255, 255)), {}),
    "grey on transparent": (Image.fromarray(np.dstack([np.full_like(WHITE, 255), WHITE])), {}),
    "one transparent level": (Image.fromarray(WHITE), {"transparency": 0}),
    "palette, 0 transparent": palette(0),
    "palette, 1 transparent": palette(1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_white_and_opaque_is_forged(tmp_path: Path, kind: str) -> None:
    picture, options = KINDS[kind]
    picture.save(tmp_path / "m.png", **options)
    assert np.array_equal(read_mask(tmp_path / "m.png", HEIGHT, WIDTH), TRUTH)
    assert not marks_nothing(tmp_path / "m.png")


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4"])
def test_tiff_of_any_depth(tmp_path: Path, dtype: str) -> None:
    for top in {"u1": [255], "u2": [255, 65535], "u4": [255], "f4": [1, 255]}[dtype]:
        tifffile.imwrite(tmp_path / "m.tif", (TRUTH * top).astype(dtype), photometric="minisblack")
        assert np.array_equal(read_mask(tmp_path / "m.tif", HEIGHT, WIDTH), TRUTH)
    if dtype in ("u1", "u2"):
        tifffile.imwrite(tmp_path / "m.tif", (~TRUTH * np.iinfo(dtype).max).astype(dtype), photometric="miniswhite")
        assert np.array_equal(read_mask(tmp_path / "m.tif", HEIGHT, WIDTH), TRUTH)


def test_rules(tmp_path: Path) -> None:
    made: dict[MaskRule, np.ndarray] = {
        "white": WHITE,
        "black": 255 - WHITE,
        "nonzero": TRUTH.astype(np.uint8),
        "green": np.where(TRUTH[..., None], (0, 200, 0), (200, 0, 0)).astype(np.uint8),
    }
    for rule, pixels in made.items():
        Image.fromarray(pixels).save(tmp_path / f"{rule}.png")
        assert np.array_equal(read_mask(tmp_path / f"{rule}.png", HEIGHT, WIDTH, rule), TRUTH)
    # Black paint on a transparent layer: what is transparent is not forged.
    rgba((0, 0, 0)).save(tmp_path / "layer.png")
    assert np.array_equal(read_mask(tmp_path / "layer.png", HEIGHT, WIDTH, "black"), TRUTH)


@pytest.mark.parametrize("top", [0, 255, 65535])
def test_no_forged_pixel_is_a_pristine_picture(tmp_path: Path, top: int) -> None:
    rule: MaskRule = "white" if top == 0 else "black"
    Image.new("I;16" if top > 255 else "L", (WIDTH, HEIGHT), top).save(tmp_path / "m.png")
    assert marks_nothing(tmp_path / "m.png", rule)
    assert not read_mask(tmp_path / "m.png", HEIGHT, WIDTH, rule).any()
    Image.new("RGBA", (WIDTH, HEIGHT)).save(tmp_path / "clear.png")
    assert marks_nothing(tmp_path / "clear.png")


@pytest.mark.parametrize(
    ("pixels", "rule", "words"),
    [
        (
            TRUTH.astype(np.uint8),
            "white",
            "its highest value is 1 of 255, but only values above 127.*mask rule to nonzero",
        ),
        (TRUTH.astype(np.uint16) * 300, "white", "its highest value is 300 of 65535"),
        (WHITE // 255 + 200, "black", "its lowest value is 200 of 255, but black means forged"),
        (np.dstack([WHITE * 0, WHITE]), "white", "its opaque pixels are black.*mask rule to black"),
    ],
)
def test_wrong_values_are_told_from_no_forged_pixel(
    tmp_path: Path, pixels: np.ndarray, rule: MaskRule, words: str
) -> None:
    Image.fromarray(pixels).save(tmp_path / "m.png")
    with pytest.raises(PictureError, match=rf"m\.png: {words}"):
        read_mask(tmp_path / "m.png", HEIGHT, WIDTH, rule)
    assert not marks_nothing(tmp_path / "m.png", rule)


# EXIF 2.32, tag 0x0112: how the stored pixels have to be turned to be seen.
UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.transpose(a), 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_masks_on_stored_pixels_are_turned(tmp_path: Path, orientation: int) -> None:
    Image.fromarray(WHITE).save(tmp_path / "m.png")
    seen = UPRIGHT[orientation](TRUTH)
    assert np.array_equal(read_mask(tmp_path / "m.png", *seen.shape, orientation=orientation), seen)
    square = TRUTH[:, :HEIGHT]
    assert np.array_equal(placed(square, HEIGHT, HEIGHT, orientation), UPRIGHT[orientation](square))


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_masks_that_their_size_shows_to_be_upright_are_not(tmp_path: Path, orientation: int) -> None:
    Image.fromarray(WHITE).save(tmp_path / "m.png")  # of a picture that is stored as 9 x 12
    assert np.array_equal(read_mask(tmp_path / "m.png", HEIGHT, WIDTH, orientation=orientation), TRUTH)


def test_a_masks_own_orientation_goes_first(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(WHITE).save(tmp_path / "m.png", exif=exif)
    for orientation in (1, 3, 2):
        read = read_mask(tmp_path / "m.png", HEIGHT, WIDTH, orientation=orientation)
        assert np.array_equal(read, np.rot90(TRUTH, 2))


def test_a_mask_of_another_size_names_the_orientation(tmp_path: Path) -> None:
    Image.fromarray(WHITE).save(tmp_path / "m.png")
    with pytest.raises(PictureError, match=r"the mask is 12 x 9, its picture 7 x 5 once turned .* EXIF orientation 6"):
        read_mask(tmp_path / "m.png", 5, 7, orientation=6)


def test_levels_between_pristine_and_forged(tmp_path: Path) -> None:
    half = np.full((2, 2), 127.5 / 255, np.float32)
    made: dict[str, Image.Image] = {
        "grey": Image.new("L", (2, 2), 128),
        "16 bits": Image.new("I;16", (2, 2), 32768),
        "clear": Image.new("LA", (2, 2), (255, 128)),
        "float": Image.fromarray(half),
    }
    for name, picture in made.items():
        picture.save(tmp_path / f"{name}.tif")
        values, orientation = read_grey(tmp_path / f"{name}.tif")
        assert values == pytest.approx(half, abs=0.003)
        assert (values.dtype, orientation) == (np.float32, 1)
    Image.new("RGB", (2, 2), (200, 30, 30)).save(tmp_path / "heat.png")
    with pytest.raises(PictureError, match="is in colour; save the mask in grey"):
        read_grey(tmp_path / "heat.png")
    Image.fromarray(half * 300).save(tmp_path / "large.tif")
    with pytest.raises(PictureError, match=r"not all of its values are within 0\.\.1"):
        read_grey(tmp_path / "large.tif")
