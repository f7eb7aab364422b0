"""The files of a result say what the result says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.inference import Result
from psccnet.inference.rendering import MOST_OUTLINE, PROGRESSION_SIDE, TINT, overlay, progression, write_pictures
from psccnet.pictures.resampling import resample

from ..conftest import texture

KINDS = ("mask", "mask16", "overlay", "masks")


def read(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
    return picture


def result_for(height: int, width: int, scales: tuple[int, ...] = (1, 2, 3, 4), seed: int = 0) -> Result:
    rng = np.random.default_rng(seed)
    masks = {scale: rng.random((64 >> scale, 64 >> scale), np.float32) for scale in scales}
    mask = resample(masks[min(masks)], height, width) if masks else np.zeros((height, width), np.float32)
    return Result("p", 0.5, "forged", 0.5, mask, masks, 0.5, width, height, "", "", 0.0)


def test_the_files_hold_the_mask(tmp_path: Path) -> None:
    result, pixels = result_for(30, 41), texture(0, 30, 41)
    paths = write_pictures(result, pixels, tmp_path / "new" / "below" / "photo.jpg")
    assert [path.name for path in paths] == [f"photo.jpg.{kind}.png" for kind in KINDS]
    assert sorted(path.parent for path in paths) == [tmp_path / "new" / "below"] * 4
    eight, sixteen, over, strip = (read(path) for path in paths)
    assert (eight.mode, sixteen.mode, over.mode) == ("L", "I;16", "RGB")
    assert np.abs(np.asarray(eight) / 255 - result.mask).max() <= 0.5 / 255 + 1e-6
    assert np.abs(np.asarray(sixteen) / 65535 - result.mask).max() <= 0.5 / 65535 + 1e-6
    assert np.array_equal(np.asarray(over), overlay(pixels, result.mask))
    assert np.array_equal(np.asarray(strip), progression(pixels, result))
    assert len(list((tmp_path / "new" / "below").iterdir())) == 4


def test_files_are_replaced(tmp_path: Path) -> None:
    pixels = texture(0, 30, 41)
    for seed in (0, 1):
        result = result_for(30, 41, seed=seed)
        write_pictures(result, pixels, tmp_path / "p")
    assert np.abs(np.asarray(read(tmp_path / "p.mask.png")) / 255 - result.mask).max() < 0.003


def test_black_and_white_of_the_mask_files(tmp_path: Path) -> None:
    result = result_for(4, 4, ())
    result.mask[0] = 1
    eight, sixteen = (read(path) for path in write_pictures(result, texture(0, 4, 4), tmp_path / "p")[:2])
    assert np.asarray(eight).tolist() == [[255] * 4] + [[0] * 4] * 3
    assert np.asarray(sixteen).tolist() == [[65535] * 4] + [[0] * 4] * 3


def test_overlay_tints_dims_and_outlines() -> None:
    pixels, mask = texture(0, 40, 50), np.zeros((40, 50), np.float32)
    mask[10:25, 20:40] = 1
    mask[30:35, 5:10] = 0.3
    kept = pixels.copy()
    found = overlay(pixels, mask).astype(int)
    assert found.shape == pixels.shape
    assert np.array_equal(pixels, kept)
    outline = (found == 255).all(axis=2)
    expected_outline = np.zeros((40, 50), bool)
    expected_outline[10:25, 20:40] = True
    expected_outline[11:24, 21:39] = False
    assert np.array_equal(outline, expected_outline)
    pristine = mask == 0
    assert np.abs(found - np.rint(0.72 * pixels))[pristine].max() <= 1
    inside = (mask == 1) & ~outline
    assert np.abs(found - np.rint(0.45 * pixels + 0.55 * TINT))[inside].max() <= 1
    faint = mask == np.float32(0.3)
    assert np.abs(found - ((0.72 + 0.28 * 0.3) * pixels * 0.835 + 0.165 * TINT))[faint].max() <= 1


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_masks_have_no_outline_inside(value: float) -> None:
    pixels = np.full((9, 9, 3), 128, np.uint8)
    found = overlay(pixels, np.full((9, 9), value, np.float32))
    assert found.dtype == np.uint8
    assert len(np.unique(found.reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (3, 1500)])
def test_odd_shapes(shape: tuple[int, int], tmp_path: Path) -> None:
    result = result_for(*shape)
    paths = write_pictures(result, texture(0, *shape), tmp_path / "p")
    for path in paths[:3]:
        assert read(path).size == shape[::-1]


def test_a_long_strip_takes_no_longer_for_its_outline() -> None:
    mask = np.zeros((3, 1_000_000), np.float32)
    mask[:, 1000:-1000] = 1
    tinted = overlay(np.zeros((3, 1_000_000, 3), np.uint8), mask)
    outlined = (tinted == 255).all(axis=2)
    assert outlined[:, 1000:].argmin(axis=1).tolist() == [MOST_OUTLINE] * 3


@pytest.mark.parametrize("scales", [(1, 2, 3, 4), (3, 4), (4,), ()])
def test_the_progression_has_a_panel_for_the_picture_and_each_mask(scales: tuple[int, ...]) -> None:
    pixels, result = texture(0, 60, 80), result_for(60, 80, scales)
    sheet = progression(pixels, result)
    panels = 1 + len(scales)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] == panels * 80 + (panels - 1) * 6
    band = sheet.shape[0] - 60
    assert band > 0
    assert np.array_equal(sheet[band:, :80], pixels)
    for position, scale in enumerate(sorted(scales, reverse=True), start=1):
        left = position * 86
        grey = np.rint(255 * resample(result.masks[scale], 60, 80))
        assert np.array_equal(sheet[band:, left : left + 80], np.repeat(grey[..., None], 3, axis=2))
        assert (sheet[band:, left - 6 : left] == 255).all()
        assert sheet[:band, left : left + 80].min() < 128  # its label


def test_large_pictures_are_reduced_in_the_progression() -> None:
    sheet = progression(texture(0, 500, 1000), result_for(500, 1000, (4,)))
    assert sheet.shape[1] == 2 * PROGRESSION_SIDE + 6
    assert sheet.shape[0] - PROGRESSION_SIDE // 2 < 40


@pytest.mark.parametrize("failing_call", [1, 3])
def test_nothing_is_left_half_written(tmp_path: Path, fill_disk: Callable[[int], None], failing_call: int) -> None:
    fill_disk(failing_call)
    with pytest.raises(OSError, match="No space left"):
        write_pictures(result_for(20, 20), texture(0, 20, 20), tmp_path / "p")
    assert list(tmp_path.iterdir()) == []
