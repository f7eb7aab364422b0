"""Ways of finished pictures: what they do, and that masks stay where the forgery is."""

import cv2
import numpy as np
import pytest

from psccnet.evaluation.distortions import DISTORTIONS
from psccnet.pictures.encoding import Encoding
from psccnet.pictures.sample import MANIPULATIONS, Sample
from psccnet.synthesis import Photographs, SynthesisRecipe, Synthesizer
from psccnet.synthesis.endings import finish_sample
from psccnet.synthesis.last_mile import LONG_SIDES, Way, draw_way, resized, resized_mask, travel

from .conftest import NO_CAMERA, texture

RECIPE = SynthesisRecipe(size=64)


def grown(mask: np.ndarray) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def test_ways_and_their_shares() -> None:
    ways = [draw_way(np.random.default_rng(seed), RECIPE) for seed in range(600)]
    shares = {kind: sum(way.kind == kind for way in ways) / 600 for kind in ("none", "network", "screenshot", "phone")}
    for kind, share in {"none": 0.7, "network": 0.18, "screenshot": 0.06, "phone": 0.06}.items():
        assert shares[kind] == pytest.approx(share, abs=0.06)
    sides = {kind: [way.side for way in ways if way.kind == kind] for kind in shares}
    assert set(sides["none"] + sides["phone"]) == {64}
    assert min(sides["network"]) == 64  # networks never enlarge
    assert 130 < max(sides["network"]) <= 160
    assert min(sides["screenshot"]) < 64 < max(sides["screenshot"])


@pytest.mark.parametrize("way", [Way("network", 150), Way("network", 64), Way("screenshot", 50), Way("phone", 64)])
def test_pictures_arrive_at_their_size(way: Way) -> None:
    encodings = []
    for seed in range(20):
        picture, encoding = travel(
            texture(1, way.side, way.side), np.random.default_rng(seed), RECIPE, way, Encoding(90, False)
        )
        assert picture.shape == (64, 64, 3)
        assert picture.dtype == np.uint8
        encodings.append(encoding)
    if way.kind == "network":
        assert all(one.halved_chroma and one.quality is not None and 60 <= one.quality <= 88 for one in encodings)
    elif way.kind == "screenshot":
        assert {one.quality is None for one in encodings} == {True, False}
    else:
        assert set(encodings) == {Encoding(90, False)}


@pytest.mark.parametrize("side", [64, 91, 150, 40])
def test_masks_stay_where_the_forgery_is(side: int) -> None:
    rng = np.random.default_rng(side)
    mask = np.zeros((side, side), np.bool_)
    y, x = rng.integers(2, side // 3, 2)
    mask[y : y + side // 2, x : x + side // 3] = True
    host = np.full((side, side, 3), 60, np.uint8)
    forged = np.where(mask[..., None], np.uint8(200), host)
    small = resized_mask(mask, 64)
    assert small.shape == (64, 64)
    for _ in range(8):  # some of each filter
        changed = resized(forged, 64, rng)[..., 0] > 130
        assert not (changed & ~grown(small)).any()
        assert not (small & ~grown(changed)).any()


def test_what_is_forged_before_a_network_is_marked_after_it(photographs: Photographs) -> None:
    changes = {"last_mile": {"share": 1.0, "unreduced": 0.0, "screenshot": 0.0, "phone": 0.0, "quality": (95, 98)}}
    changes["seams"] = {"hard": 1.0, "feathered": 0.0}
    changes["ending"] = {"post": 0.0, "jpeg": 0.0}
    synthesizer = Synthesizer(photographs, None, RECIPE.changed({**changes, **NO_CAMERA}), seed=2)
    for index in range(6):
        pristine = synthesizer.sample(index, "pristine").image.astype(int)
        for manipulation in MANIPULATIONS[1:]:
            sample = synthesizer.sample(index, manipulation)
            assert sample.image.shape == (64, 64, 3)
            assert sample.mask is not None
            changed = cv2.blur(np.abs(sample.image - pristine).astype(np.float32), (3, 3)).max(axis=2)
            assert changed[sample.mask].mean() > 3 * changed[~grown(grown(sample.mask))].mean()
            if manipulation == "copy-move":
                assert sample.source_mask is not None
                assert sample.source_mask.shape == (64, 64)


@pytest.mark.parametrize("side", [64, 100])
def test_pictures_of_data_sets_end_as_synthetic_ones(side: int) -> None:
    mask = np.zeros((side, side), np.bool_)
    mask[side // 4 : side // 2, side // 4 : side // 2] = True
    image = np.where(mask[..., None], np.uint8(220), texture(1, side, side) // 3)
    sample = Sample(image, mask, True, "splicing", "x", "x.jpg", source_mask=~mask)
    for seed in range(20):
        ended = finish_sample(sample, np.random.default_rng(seed), RECIPE)
        assert ended.image.shape == (64, 64, 3)
        assert ended.mask is not None
        assert ended.source_mask is not None
        np.testing.assert_array_equal(ended.source_mask, ~ended.mask)
        bright = cv2.cvtColor(ended.image, cv2.COLOR_RGB2GRAY) > 150
        assert (bright != ended.mask).mean() < 0.03
        assert (ended.id, ended.forged, ended.source) == ("x", True, "x.jpg")
        again = finish_sample(sample, np.random.default_rng(seed), RECIPE)
        np.testing.assert_array_equal(again.image, ended.image)
    with pytest.raises(ValueError, match="x: a picture of 64 x 60"):
        finish_sample(Sample(texture(0, 60, 64), None, False, "pristine", "x", ""), np.random.default_rng(0), RECIPE)


def test_shared_pictures_are_reduced_to_one_of_the_usual_sides() -> None:
    picture = texture(1, 24, 2200)
    sides = {DISTORTIONS["social"](picture, str(number)).shape[1] for number in range(12)}
    assert sides <= set(LONG_SIDES)
    assert len(sides) > 2
    small = texture(1, 40, 60)
    shared = DISTORTIONS["social"](small, "a")
    assert shared.shape == small.shape
    assert 0.5 < np.abs(shared.astype(int) - small).mean() < 20
    np.testing.assert_array_equal(shared, DISTORTIONS["social"](small, "a"))
