"""The parts: regions, transforms, seams and the three manipulations."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from psccnet.synthesis import Objects, SynthesisRecipe, random_contour
from psccnet.synthesis.copy_move import copy_move
from psccnet.synthesis.fills import learned, noise_level, patch
from psccnet.synthesis.forgery import Forgery, united
from psccnet.synthesis.regions import random_region
from psccnet.synthesis.removal import remove
from psccnet.synthesis.seams import blend, poisson
from psccnet.synthesis.sections import TransformRecipe
from psccnet.synthesis.splicing import harmonise, splice
from psccnet.synthesis.transforms import Affine, bend, draw_centre, place, reduce, tight_crop

from .conftest import HARD, texture

RECIPE = SynthesisRecipe(size=128)
SEAMS = {
    "hard": RECIPE.changed(HARD),
    "feathered": RECIPE.changed({"seams": {"hard": 0.0, "feathered": 1.0, "soft": 0.0}}),
    "poisson": RECIPE.changed({"seams": {"hard": 0.0, "feathered": 0.0}}),
}
HOST = texture(100, 128, 128)


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * pixels + 1,) * 2)).astype(bool)


def eroded(mask: np.ndarray, pixels: int) -> np.ndarray:
    return ~grown(~mask, pixels)


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
    assert len(objects) == 5
    assert objects.left_out == {
        "instances.json, annotation 77 of photograph-0.jpg": "reaches outside the picture of 176 x 200"
    }
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
            (splice(rng, HOST, donor, alpha, recipe, recipe.splicing.object_area), recipe.splicing.object_area),
            (copy_move(rng, HOST, region, recipe), recipe.copy_move.area),
        )
        for forgery, area in pairs:
            if forgery is None:
                continue
            made += 1
            picture, mask = forgery.picture, forgery.mask
            assert forgery.method == seam
            assert picture.dtype == np.uint8
            assert mask.dtype == np.bool_
            assert area[0] <= mask.mean() <= area[1]
            outside = ~grown(mask, reach) if reach else ~mask
            assert np.array_equal(picture[outside], HOST[outside])
            assert np.abs(picture[mask].astype(int) - HOST[mask]).mean() >= recipe.splicing.min_change
    assert made > 25


def test_copy_covers_little_of_its_source() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        region = random_contour(rng, 128, RECIPE.copy_move.area)
        forgery = copy_move(rng, HOST, region, RECIPE.changed({"copy_move": {"pure_shift": 1.0}, **HARD}))
        if forgery is not None:
            mask = forgery.mask
            assert np.array_equal(forgery.source, region)
            assert (mask & region).sum() <= 0.3 * mask.sum()


FILLS = {
    "Telea": {"telea": 1.0},
    "Navier-Stokes": {"navier_stokes": 1.0},
    "frequency-selective": {"frequency": 1.0},
    "shift-map": {"shift_map": 1.0},
    "learned": {"learned": 1.0},
    "patch": {},
}
NO_FILL: dict[str, object] = {"telea": 0.0, "navier_stokes": 0.0, "frequency": 0.0, "shift_map": 0.0}


class MeanFill(torch.nn.Module):
    """Stands for a learned inpainter: fills the hole with the mean of the rest."""

    def forward(self, picture: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        mean = (picture * (1 - hole)).sum((2, 3), keepdim=True) / (1 - hole).sum()
        return picture * (1 - hole) + mean * hole


@pytest.fixture(scope="module")
def inpainter(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("inpainter") / "mean.pt"
    torch.jit.save(torch.jit.script(MeanFill()), path)
    return str(path)


# TorchScript is what RFR and LaMa are published as; torch would rather have others.
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("method", FILLS)
def test_removal_changes_the_mask_alone(method: str, inpainter: str) -> None:
    fills = {**NO_FILL, **FILLS[method], "inpainter": inpainter}
    recipe, host, made = SynthesisRecipe(size=100).changed({"removal": fills}), HOST[:100, :100], 0
    seeds = 12 if method in ("Telea", "Navier-Stokes", "patch") else 3
    for seed in range(seeds):
        region = random_contour(np.random.default_rng(seed), 100, (0.03, 0.1))
        forgery = remove(np.random.default_rng(seed), host, region, recipe)
        if forgery is None:
            continue
        made += 1
        picture, mask = forgery.picture, forgery.mask
        assert forgery.method == method
        assert recipe.removal.area[0] <= mask.mean() <= recipe.removal.area[1]
        assert np.array_equal(picture[~mask], host[~mask])
        again = remove(np.random.default_rng(seed), host, region, recipe)
        assert again is not None
        assert np.array_equal(again.picture, picture)
        if method == "learned":
            assert np.abs(picture[mask] - host[~mask].mean(axis=0)).max() <= 3  # the padding counts, too
    assert made > seeds / 3


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_an_inpainter_that_is_none_is_named(tmp_path: Path) -> None:
    class Halving(torch.nn.Module):
        def forward(self, picture: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
            return picture[:, :, ::2]

    mask = np.zeros((40, 40), np.bool_)
    mask[10:20, 10:20] = True
    (tmp_path / "text.pt").write_text("no network")
    torch.jit.save(torch.jit.script(Halving()), tmp_path / "halving.pt")
    for name, message in (("text.pt", "not a TorchScript"), ("halving.pt", "must return a picture"), ("no.pt", "not")):
        with pytest.raises(ValueError, match=rf"{name}.*{message}"):
            learned(HOST[:40, :40], mask, str(tmp_path / name))
    with pytest.raises(ValueError, match="inpainter"):
        RECIPE.changed({"removal": {"learned": 0.1}})


def test_bending_moves_pixels_and_keeps_the_area() -> None:
    alpha = np.zeros((80, 90), np.float32)
    alpha[20:60, 20:70] = 1
    picture = texture(5, 80, 90)
    transform = RECIPE.splicing.transform
    bent, laid = bend(np.random.default_rng(1), picture, alpha, replace(transform, deform=1.0))
    assert bent.shape == picture.shape
    assert not np.array_equal(laid, alpha)
    assert laid.sum() == pytest.approx(alpha.sum(), rel=0.2)
    same, as_before = bend(np.random.default_rng(1), picture, alpha, replace(transform, deform=0.0))
    assert same is picture
    assert as_before is alpha


def test_blank_host_hides_copies_and_removals() -> None:
    blank = np.full((128, 128, 3), 90, np.uint8)
    rng = np.random.default_rng(0)
    region = random_contour(rng, 128, (0.05, 0.1))
    assert copy_move(rng, blank, region, RECIPE) is None
    assert remove(rng, blank, region, RECIPE.changed({"removal": {"grain": 0.0}})) is None
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


@pytest.mark.parametrize("kind", ["splicing", "copy-move", "removal"])
def test_a_blended_mask_marks_what_has_the_pasted_gradients(kind: str) -> None:
    noisy = [np.random.default_rng(seed).integers(60, 200, (128, 128, 3), dtype=np.uint8) for seed in (1, 2)]
    region = np.zeros((128, 128), np.bool_)
    region[40:80, 50:95] = True
    if kind == "splicing":
        picture, mask = poisson(noisy[0], noisy[1], region)
        origin = noisy[1]
    elif kind == "copy-move":
        origin = np.roll(noisy[0], (20, 10), axis=(0, 1))
        picture, mask = poisson(noisy[0], origin, region)
    else:
        found = patch(np.random.default_rng(3), noisy[0], region)
        assert found is not None
        picture, mask = found
        assert np.array_equal(mask, region)  # the whole hole is filled
        inner = picture[55:65, 65:80].astype(int)
        best = min(
            ((dy, dx) for dy in range(118) for dx in range(113)),
            key=lambda at: np.abs(np.diff(noisy[0][at[0] : at[0] + 10, at[1] : at[1] + 15].astype(int) - inner)).sum(),
        )
        origin = np.roll(noisy[0], (55 - best[0], 65 - best[1]), axis=(0, 1))
    assert np.array_equal(picture[~mask], noisy[0][~mask])

    def steps(of: np.ndarray) -> np.ndarray:
        """Differences between neighbours that both lie on the mask's border."""
        rim = mask & ~eroded(mask, 1)
        return np.diff(of.astype(int), axis=1)[rim[:, 1:] & rim[:, :-1]].ravel()

    assert np.corrcoef(steps(picture), steps(origin))[0, 1] > 0.8
    assert abs(np.corrcoef(steps(picture), steps(noisy[0]))[0, 1]) < 0.4


def test_regions_inside_may_touch_the_frame() -> None:
    _, alpha = tight_crop(HOST, np.pad(np.ones((40, 60), np.float32), 34)[:128, :128])
    centres = np.array(
        [draw_centre(np.random.default_rng(i), TransformRecipe(inside=1), 128, alpha, Affine()) for i in range(400)]
    )
    assert centres.min(axis=0).tolist() == [30, 20]
    assert centres.max(axis=0).tolist() == [97, 107]


def test_objects_are_compressed_as_large_as_they_will_lie(objects: Objects) -> None:
    picture, alpha = objects.draw(np.random.default_rng(2))
    smaller, its_alpha = reduce(picture, alpha, 400)
    assert smaller.shape[:2] == its_alpha.shape
    assert its_alpha.sum() == pytest.approx(400, rel=0.1)
    assert reduce(picture, alpha, 1e9)[1] is alpha


def test_noise_level() -> None:
    rng = np.random.default_rng(0)
    noisy = 128 + rng.normal(0, 5, (127, 129, 1)) + np.zeros((1, 1, 3))
    assert noise_level(noisy.astype(np.uint8)) == pytest.approx(5, rel=0.1)


def test_regions_of_objects(objects: Objects) -> None:
    recipe = RECIPE.changed({"region": {"object_share": 1.0}})
    areas = [random_region(np.random.default_rng(i), objects, recipe, (0.02, 0.2)).mean() for i in range(20)]
    assert min(areas) > 0.01
    assert max(areas) < 0.22


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 16},
        {"seams": {"hard": 0.8}},
        {"removal": {"telea": 0.9}},
        {"copy_move": {"area": (0.3, 0.1)}},
        {"splicing": {"object_area": (0, 1)}},
    ],
)
def test_impossible_recipe(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"size|probabilities|range"):
        RECIPE.changed(wrong)


def test_every_copy_is_marked_and_is_the_source() -> None:
    still = {"pure_shift": 1.0, "copies": 1.0, "area": (0.005, 0.4)}
    recipe, counts = RECIPE.changed({"copy_move": still, **HARD}), []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        region = random_contour(rng, 128, (0.01, 0.03))
        forgery = copy_move(rng, HOST, region, recipe)
        if forgery is None:
            continue
        changed = (forgery.picture != HOST).any(axis=2)
        assert not changed[~forgery.mask].any()
        assert changed[forgery.mask].mean() > 0.95
        number, labels = cv2.connectedComponents(forgery.mask.astype(np.uint8))
        counts.append(forgery.mask.sum() / region.sum())
        top, left = np.argwhere(region).min(axis=0)
        for label in range(1, number):
            copy = labels == label
            if copy.sum() == region.sum():  # whole, and apart from the others
                dy, dx = np.argwhere(copy).min(axis=0) - (top, left)
                moved = np.roll(HOST, (dy, dx), axis=(0, 1))
                np.testing.assert_array_equal(forgery.picture[copy], moved[copy])
    assert max(counts) > 2.5
    assert np.mean(np.array(counts) > 1.5) > 0.5


def test_a_copy_that_looks_like_its_place_stands_out_less() -> None:
    host = np.repeat(np.linspace(20, 230, 128, dtype=np.float32)[:, None], 128, axis=1)
    host = np.repeat(host[..., None], 3, axis=2) + np.random.default_rng(0).normal(0, 12, (128, 128, 3))
    host = host.clip(0, 255).astype(np.uint8)
    region = np.zeros((128, 128), np.bool_)
    region[20:40, 50:70] = True
    changes = {}
    for similar in (0.0, 1.0):
        recipe = RECIPE.changed({"copy_move": {"similar": similar, "pure_shift": 1.0, "copies": 0.0}, **HARD})
        made = [copy_move(np.random.default_rng(seed), host, region, recipe) for seed in range(40)]
        rows = [np.argwhere(one.mask)[:, 0].mean() for one in made if one is not None]
        changes[similar] = np.median(np.abs(np.array(rows) - 30))
    assert changes[1.0] < 0.5 * changes[0.0]


def test_a_harmonised_region_has_the_colours_around_it() -> None:
    mask = np.zeros((128, 128), np.bool_)
    mask[40:90, 30:80] = True
    host = (HOST // 4 + np.array([120, 90, 20])).astype(np.uint8)
    pasted = texture(9, 128, 128)
    before = np.abs(pasted[mask].mean(axis=0) - host[~mask].mean(axis=0)).max()
    same = harmonise(host, pasted, mask, 0.0)
    assert np.abs(same.astype(int) - pasted).max() <= 1
    for strength in (0.5, 1.0):
        changed = harmonise(host, pasted, mask, strength)
        after = np.abs(changed[mask].mean(axis=0) - host[~mask].mean(axis=0)).max()
        assert after < (1.15 - strength) * before + 3
    assert harmonise(host, pasted, np.zeros_like(mask), 1.0) is pasted


def test_a_soft_seam_is_softer_and_its_mask_the_same() -> None:
    region = np.zeros((128, 128), np.float32)
    region[30:90, 30:90] = 1
    white = np.full_like(HOST, 255)
    made = {}
    for soft in (0.0, 1.0):
        seams = {"hard": 0.0, "feathered": 1.0, "soft": soft, "feather_sigma": (0.5, 1.0)}
        forgery = blend(np.random.default_rng(0), HOST * 0, white, region, RECIPE.changed({"seams": seams}))
        made[forgery.method] = forgery
        np.testing.assert_array_equal(forgery.mask, region > 0.5)
        assert ((forgery.picture[..., 0] > 127) != (region > 0.5)).mean() < 0.005  # rounder corners
    grey = {name: ((one.picture > 20) & (one.picture < 235)).mean() for name, one in made.items()}
    assert grey["soft"] > 2 * grey["feathered"]


def test_several_donors_forge_no_more_than_one_may() -> None:
    first = Forgery(HOST, np.eye(128, dtype=np.bool_), "hard", None)
    second = Forgery(HOST, np.eye(128, dtype=np.bool_)[::-1], "soft", None)
    both = united(first, second, 0.5)
    assert both is not None
    assert (both.mask.sum(), both.method) == (256, "hard, soft")
    assert united(first, second, 0.01) is None
    assert united(None, second, 0.5) is second
    assert united(first, None, 0.5) is None
