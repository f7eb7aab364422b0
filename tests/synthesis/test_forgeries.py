"""The parts: regions, transforms, seams and the three manipulations."""

from dataclasses import replace

import numpy as np
import pytest

from psccnet.synthesis import Objects, SynthesisRecipe, random_contour
from psccnet.synthesis.copy_move import copy_move
from psccnet.synthesis.regions import random_region
from psccnet.synthesis.removal import noise_level, remove
from psccnet.synthesis.seams import poisson
from psccnet.synthesis.splicing import splice
from psccnet.synthesis.transforms import Affine, place, tight_crop

from .conftest import texture

RECIPE = SynthesisRecipe(size=128)
SEAMS = {
    "hard": replace(RECIPE, hard_seam=1.0, feathered_seam=0.0),
    "feathered": replace(RECIPE, hard_seam=0.0, feathered_seam=1.0),
    "poisson": replace(RECIPE, hard_seam=0.0, feathered_seam=0.0),
}
HOST = texture(100, 128, 128)


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    import cv2

    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * pixels + 1,) * 2)).astype(bool)


@pytest.mark.parametrize("size", [64, 256])
@pytest.mark.parametrize("area", [(0.01, 0.5), (0.05, 0.06), (0.4, 0.5)])
def test_contours_keep_their_area(size: int, area: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        mask = random_contour(rng, size, area)
        assert mask.shape == (size, size)
        assert mask.dtype == np.bool_
        assert area[0] * 0.95 <= mask.mean() <= area[1] * 1.05


def test_objects_are_tight_and_usable(objects: Objects) -> None:
    assert len(objects) == 3
    rng = np.random.default_rng(0)
    for _ in range(30):
        picture, alpha = objects.draw(rng)
        assert picture.dtype == np.uint8
        assert alpha.dtype == np.float32
        assert picture.shape == (*alpha.shape, 3)
        assert alpha.min() >= 0
        assert alpha.max() <= 1
        assert min(alpha.shape) >= 24
        inside = np.argwhere(alpha > 0.5)
        assert (inside.min(axis=0) <= 8).all()
        assert (inside.max(axis=0) >= np.array(alpha.shape) - 9).all()


def test_a_shift_keeps_pixels_exactly() -> None:
    region = np.zeros((128, 128), np.float32)
    region[30:60, 40:75] = 1
    piece, alpha = tight_crop(HOST, region)
    laid, laid_alpha = place(piece, alpha, Affine(), (90, 70), 128)
    assert (laid_alpha > 0.5).sum() == region.sum()
    assert np.array_equal(laid[laid_alpha > 0.5], HOST[region > 0.5])


def test_scale_and_rotation_change_the_area_as_they_should() -> None:
    alpha = np.zeros((60, 60), np.float32)
    alpha[10:50, 10:50] = 1
    picture = texture(3, 60, 60)
    for scale in (0.4, 0.9, 2.0):
        _, laid = place(picture, alpha, Affine(scale, 30, True), (64, 64), 128)
        assert laid.sum() == pytest.approx(1600 * scale**2, rel=0.08)


@pytest.mark.parametrize("seam", SEAMS)
def test_splice_and_copy_leave_the_rest_alone(seam: str) -> None:
    recipe, made = SEAMS[seam], 0
    reach = 10 if seam == "feathered" else 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        region = random_contour(rng, 128, (0.02, 0.2))
        donor, alpha = tight_crop(texture(seed, 128, 128), region.astype(np.float32))
        pairs = (
            (splice(rng, HOST, donor, alpha, recipe), recipe.splice_area),
            (copy_move(rng, HOST, region, recipe), recipe.copy_area),
        )
        for forgery, area in pairs:
            if forgery is None:
                continue
            made += 1
            picture, mask = forgery
            assert picture.dtype == np.uint8
            assert mask.dtype == np.bool_
            assert area[0] <= mask.mean() <= area[1]
            outside = ~grown(mask, reach) if reach else ~mask
            assert np.array_equal(picture[outside], HOST[outside])
            assert np.abs(picture[mask].astype(int) - HOST[mask]).mean() >= recipe.min_change
    assert made > 25


def test_copy_covers_little_of_its_source() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        region = random_contour(rng, 128, RECIPE.copy_area)
        forgery = copy_move(rng, HOST, region, replace(RECIPE, pure_shift=1.0, hard_seam=1.0, feathered_seam=0.0))
        if forgery is not None:
            mask = forgery[1]
            assert (mask & region).sum() <= 0.3 * mask.sum()


@pytest.mark.parametrize("fill", [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)])
def test_removal_changes_the_mask_alone(fill: tuple[float, float]) -> None:
    recipe, made = replace(RECIPE, telea=fill[0], navier_stokes=fill[1]), 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        forgery = remove(rng, HOST, random_contour(rng, 128, (0.02, 0.15)), recipe)
        if forgery is None:
            continue
        made += 1
        picture, mask = forgery
        assert recipe.removal_area[0] <= mask.mean() <= recipe.removal_area[1]
        assert np.array_equal(picture[~mask], HOST[~mask])
    assert made > 5


def test_blank_host_hides_copies_and_removals() -> None:
    blank = np.full((128, 128, 3), 90, np.uint8)
    rng = np.random.default_rng(0)
    region = random_contour(rng, 128, (0.05, 0.1))
    assert copy_move(rng, blank, region, RECIPE) is None
    assert remove(rng, blank, region, replace(RECIPE, grain=0.0)) is None
    assert copy_move(rng, HOST, np.zeros((128, 128), np.bool_), RECIPE) is None


def test_poisson_keeps_off_the_frame() -> None:
    picture, mask = poisson(HOST, texture(7, 128, 128), np.ones((128, 128), np.bool_))
    assert not mask[0].any()
    assert not mask[:, -1].any()
    assert mask[64, 64]
    assert np.array_equal(picture[~mask], HOST[~mask])
    corner = np.zeros((128, 128), np.bool_)
    corner[:3, :3] = True
    assert not poisson(HOST, HOST, corner)[1].any()


def test_noise_level() -> None:
    rng = np.random.default_rng(0)
    noisy = 128 + rng.normal(0, 5, (127, 129, 1)) + np.zeros((1, 1, 3))
    assert noise_level(noisy.astype(np.uint8)) == pytest.approx(5, rel=0.1)


def test_regions_of_objects(objects: Objects) -> None:
    recipe = replace(RECIPE, object_share=1.0)
    areas = [random_region(np.random.default_rng(i), objects, recipe, (0.02, 0.2)).mean() for i in range(20)]
    assert min(areas) > 0.01
    assert max(areas) < 0.22


@pytest.mark.parametrize(
    "wrong",
    [{"size": 16}, {"hard_seam": 0.8}, {"telea": 0.9}, {"copy_area": (0.3, 0.1)}, {"splice_area": (0, 1)}],
)
def test_impossible_recipe(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"size|probabilities|range"):
        SynthesisRecipe(**wrong)  # type: ignore[arg-type]
