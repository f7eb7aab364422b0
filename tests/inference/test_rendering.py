"""The drawings of a result say what the result says."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import colormaps

from psccnet.errors import InputError
from psccnet.inference import Result
from psccnet.inference.rendering import (
    DIM,
    MOST_OUTLINE,
    PROGRESSION_SIDE,
    STRONGEST,
    legend_line,
    mask_with_legend,
    overlay,
    overlay_with_legend,
    progression,
    ramp,
    reduced,
)
from psccnet.inference.scales import coloured, colours
from psccnet.pictures.resampling import resample

from ..conftest import texture


def result_for(height: int, width: int, scales: tuple[int, ...] = (1, 2, 3, 4), seed: int = 0) -> Result:
    rng = np.random.default_rng(seed)
    masks = {scale: rng.random((64 >> scale, 64 >> scale), np.float32) for scale in scales}
    mask = resample(masks[min(masks)], height, width) if masks else np.zeros((height, width), np.float32)
    return Result("p", 0.5, "forged", 0.5, mask, masks, 0.5, width, height, "", "", 0.0, level=0.5)


def test_the_scales_are_those_of_matplotlib() -> None:
    """Within what no eye tells apart; the jet of the paper differs from it by its breakpoints."""
    theirs = 255 * colormaps["viridis"](np.arange(256))[:, :3]
    assert np.abs(colours("viridis").astype(float) - theirs).max() < 4
    assert colours("jet")[[0, 255]].tolist() == [[0, 0, 128], [128, 0, 0]]
    with pytest.raises(InputError, match="colour scales are viridis and jet, not 'magma'"):
        colours("magma")  # type: ignore[arg-type]


def test_viridis_gets_steadily_lighter() -> None:
    lightness = colours("viridis") @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -1).all()
    assert lightness[-1] - lightness[0] > 190


def test_overlay_tints_dims_and_outlines() -> None:
    pixels, mask = texture(0, 40, 50), np.zeros((40, 50), np.float32)
    mask[10:25, 20:40] = 1
    mask[30:35, 5:10] = 0.2
    kept = pixels.copy()
    found = overlay(pixels, mask).astype(int)
    assert found.shape == pixels.shape
    assert np.array_equal(pixels, kept)
    outline = (found == 255).all(axis=2)
    expected_outline = np.zeros((40, 50), bool)
    expected_outline[10:25, 20:40] = True
    expected_outline[11:24, 21:39] = False
    assert np.array_equal(outline, expected_outline)
    assert np.abs(found - np.rint(DIM * pixels))[mask == 0].max() <= 1
    inside = (mask == 1) & ~outline
    assert np.abs(found - np.rint((1 - STRONGEST) * pixels + STRONGEST * colours()[255]))[inside].max() <= 1
    faint, share = mask == np.float32(0.2), STRONGEST * 0.2**0.5
    assert np.abs(found - ((DIM + 0.056) * pixels * (1 - share) + share * colours()[51]))[faint].max() <= 1


def test_the_level_of_the_outline() -> None:
    pixels, mask = texture(0, 40, 50), np.zeros((40, 50), np.float32)
    mask[10:25, 20:40] = 0.3
    assert not (overlay(pixels, mask) == 255).all(axis=2).any()
    assert (overlay(pixels, mask, 0.2) == 255).all(axis=2)[10, 20:40].all()
    assert not (overlay(pixels, mask, None) == 255).all(axis=2).any()


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_masks_have_no_outline_inside(value: float) -> None:
    pixels = np.full((9, 9, 3), 128, np.uint8)
    found = overlay(pixels, np.full((9, 9), value, np.float32))
    assert found.dtype == np.uint8
    assert len(np.unique(found.reshape(-1, 3), axis=0)) == 1


def test_a_long_strip_takes_no_longer_for_its_outline() -> None:
    mask = np.zeros((3, 1_000_000), np.float32)
    mask[:, 1000:-1000] = 1
    tinted = overlay(np.zeros((3, 1_000_000, 3), np.uint8), mask)
    outlined = (tinted == 255).all(axis=2)
    assert outlined[:, 1000:].argmin(axis=1).tolist() == [MOST_OUTLINE] * 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (3, 1500), (400, 500)])
def test_the_legend_stands_below_the_drawing(shape: tuple[int, int]) -> None:
    result, pixels = result_for(*shape), texture(0, *shape)
    height, width = shape
    over, mask = overlay_with_legend(pixels, result), mask_with_legend(result)
    assert over.shape == mask.shape
    assert over.shape[0] > height
    assert over.shape[1] >= max(width, 300)
    assert np.array_equal(over[:height, :width], overlay(pixels, result.mask))
    drawn = mask[:height, :width]
    plain = ~(drawn == 255).all(axis=2)
    assert np.array_equal(drawn[plain], coloured(result.mask)[plain])
    assert (mask[:height, width:] == 255).all()
    legend = mask[height:]
    assert (legend == colours()[0]).all(axis=2).any()
    assert (legend == colours()[255]).all(axis=2).any()
    assert (legend == 0).all(axis=2).any() or legend.min() < 100  # its words


def test_what_the_white_line_stands_for() -> None:
    result = result_for(8, 8)
    assert legend_line(result) == "white line: the mask is above 0.50"
    assert legend_line(replace(result, level=None)) == "no region stands out"
    assert legend_line(replace(result, level=None, verdict="pristine")) == "nothing found, so no region is outlined"


def test_a_ramp_runs_through_the_scale() -> None:
    assert ramp(3, 256)[1].tolist() == colours().tolist()
    assert ramp(1, 256, scale="jet")[0].tolist() == colours("jet").tolist()
    assert ramp(2, 50, over_grey=True)[0, 0].tolist() == [92] * 3


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
        assert np.array_equal(sheet[band:, left : left + 80], coloured(resample(result.masks[scale], 60, 80)))
        assert (sheet[band:, left - 6 : left] == 255).all()
        assert sheet[:band, left : left + 80].min() < 128  # its label


def test_large_pictures_are_reduced_in_the_progression() -> None:
    sheet = progression(texture(0, 500, 1000), result_for(500, 1000, (4,)))
    assert sheet.shape[1] == 2 * PROGRESSION_SIDE + 6
    assert sheet.shape[0] - PROGRESSION_SIDE // 2 < 40


@pytest.mark.parametrize(
    ("shape", "expected"), [((30, 40), (30, 40)), ((100, 50), (64, 32)), ((1, 9000), (1, 64)), ((64, 2), (64, 2))]
)
def test_reduced(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert reduced(texture(0, *shape), 64).shape == (*expected, 3)
