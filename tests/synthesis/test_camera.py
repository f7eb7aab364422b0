"""Simulated cameras, each fact against what is known of real ones."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from psccnet.pictures.encoding import Encoding, compressed, encode
from psccnet.pictures.sample import MANIPULATIONS
from psccnet.synthesis import Objects, Photographs, SynthesisRecipe, Synthesizer
from psccnet.synthesis.camera import Camera, Shot, draw_shot, photograph, photograph_crop, photograph_object
from psccnet.synthesis.camera_jpeg import draw_camera_jpeg
from psccnet.synthesis.demosaicing import ALGORITHMS, demosaic, mosaic
from psccnet.synthesis.sections import CameraRecipe

from .conftest import PLAIN_ENDING, texture

PHASES = [(0, 0), (0, 1), (1, 0), (1, 1)]
RECIPE = CameraRecipe()
PLAIN = Camera(0.0, "bilinear", (1.0, 1.0, 1.0), 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SHOT = Shot(PLAIN, (0, 0), 0.0, 0.0, 1.0)


def smooth(seed: int, size: int = 64) -> np.ndarray:
    """Colours that vary slowly, float32 in 0.1..0.9."""
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.uniform(0.1, 0.9, (5, 5, 3)), (size, size), interpolation=cv2.INTER_LINEAR)
    return picture.astype(np.float32)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("phase", PHASES)
def test_demosaicing_finds_smooth_colours_again(algorithm: str, phase: tuple[int, int]) -> None:
    picture = smooth(1)
    gains = np.array([1.8, 1.0, 1.4], np.float32)
    raw = mosaic(picture, phase)
    filled = demosaic(raw, phase, algorithm, gains)
    assert np.abs(filled - picture)[4:-4, 4:-4].mean(axis=(0, 1)).max() < 0.012
    if algorithm != "gradients":  # which rounds to 8 bits
        np.testing.assert_allclose(mosaic(filled, phase)[4:-4, 4:-4], raw[4:-4, 4:-4], atol=1e-4)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("phase", PHASES)
def test_the_mosaic_can_be_seen_in_the_picture(algorithm: str, phase: tuple[int, int]) -> None:
    camera = replace(PLAIN, algorithm=algorithm, gamma=2.2, contrast=0.3)
    shot = replace(SHOT, camera=camera, phase=phase, read_noise=0.02)
    picture = photograph(np.random.default_rng(0), np.full((256, 256, 3), 128, np.uint8), (128, 128), shot)
    # What was interpolated varies less than what was measured (Gallagher and Chen, 2008).
    red, green = (picture[2:-2, 2:-2, channel].astype(np.float64) for channel in (0, 1))
    spread = {(y, x): green[y::2, x::2].var() for y, x in PHASES}
    assert {sum(at) % 2 for at in sorted(PHASES, key=lambda at: spread[at])[2:]} == {1 - sum(phase) % 2}
    if algorithm in ("bilinear", "edge-aware"):
        assert max(PHASES, key=lambda at: red[at[0] :: 2, at[1] :: 2].var()) == phase


def test_noise_is_of_photons_and_of_reading() -> None:
    scene = np.full((128, 256, 3), 40, np.uint8)
    scene[:, 128:] = 200
    shot = replace(SHOT, photon_noise=4e-4, read_noise=0.01)
    picture = photograph(np.random.default_rng(0), scene, (64, 128), shot).astype(np.float64) / 255
    for columns, light in ((slice(4, 60), 40 / 255), (slice(68, 124), 200 / 255)):
        measured = picture[::2, columns, 0][:, ::2]  # red, as the sensor saw it
        assert measured.mean() == pytest.approx(light, abs=0.005)
        assert measured.std() == pytest.approx((4e-4 * light + 1e-4) ** 0.5, rel=0.1)


def test_a_photograph_taken_again_keeps_its_brightness_and_loses_its_blocks() -> None:
    scene = compressed(texture(1, 320, 320), Encoding(15, halved_chroma=True))
    for seed in range(12):
        rng = np.random.default_rng(seed)
        shot = replace(draw_shot(rng, RECIPE), exposure=1.0)
        taken = photograph(rng, scene, (128, 128), shot)
        seen = cv2.resize(scene, (128, 128), interpolation=cv2.INTER_AREA)
        assert np.abs(cv2.blur(taken, (15, 15)).astype(int) - cv2.blur(seen, (15, 15))).mean() < 6
        steps = np.abs(np.diff(taken[..., 1].astype(np.float64), axis=1)).mean(axis=0)
        blocks = np.array([steps[start::8].mean() for start in range(8)])
        assert blocks.max() < 1.25 * blocks.mean()


def test_one_camera_at_another_setting() -> None:
    rng = np.random.default_rng(0)
    first = draw_shot(rng, RECIPE)
    others = [draw_shot(rng, RECIPE, first.camera) for _ in range(40)]
    for other in others:
        assert replace(other.camera, sharpening=first.camera.sharpening) == first.camera
    assert len({other.photon_noise for other in others}) > 20
    assert {other.phase for other in others} == set(PHASES)
    assert len({draw_shot(rng, RECIPE).camera.algorithm for _ in range(60)}) == len(ALGORITHMS)


@pytest.mark.parametrize(
    ("height", "sides", "expected"), [(300, (64, 64), 64), (150, (100, 100), 100), (110, (100, 100), None)]
)
def test_photographs_are_reduced_as_far_as_they_go(height: int, sides: tuple[int, int], expected: int | None) -> None:
    taken = photograph_crop(np.random.default_rng(0), texture(0, height, height + 40), sides, SHOT, RECIPE)
    assert (None if taken is None else taken.shape) == (None if expected is None else (expected, expected, 3))


@pytest.mark.parametrize("shape", [(60, 90), (201, 83), (33, 31)])
def test_objects_lie_where_their_alpha_is(shape: tuple[int, int]) -> None:
    alpha = np.zeros(shape, np.float32)
    alpha[8:-8, 8:-8] = 1
    scene = np.where(alpha[..., None] > 0.5, 220, 30).astype(np.uint8).repeat(3, axis=2)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        taken, smaller = photograph_object(rng, scene, alpha, 900, SHOT, RECIPE)
        assert taken.shape[:2] == smaller.shape
        assert smaller.sum() < 1.2 * min(900, alpha.sum() / 4)
        assert ((taken[..., 1] > 125) != (smaller > 0.5)).mean() < 0.05


def test_makers_have_tables_of_their_own() -> None:
    rng, seen = np.random.default_rng(0), set()
    for _ in range(10):
        encoding = draw_camera_jpeg(rng, replace(RECIPE, jpeg=1.0))
        assert encoding is not None
        data = encode(texture(0, 64, 48), encoding)
        with Image.open(io.BytesIO(data)) as picture:
            assert (picture.size, picture.format) == ((48, 64), "JPEG")
            assert tuple(tuple(table) for table in picture.quantization.values()) == encoding.tables
        seen.add(encoding.tables)
    assert len(seen) == 10
    assert draw_camera_jpeg(rng, replace(RECIPE, jpeg=0.0)) is None


def test_hosts_of_all_classes_are_of_one_camera(photographs: Photographs, objects: Objects) -> None:
    recipe = SynthesisRecipe(size=64).changed({**PLAIN_ENDING, "camera": {"share": 1.0, "clean": 0.0}})
    recipe = recipe.changed({"seams": {"hard": 1.0, "feathered": 0.0}})
    synthesizer = Synthesizer(photographs, objects, recipe, seed=1)
    without = Synthesizer(photographs, objects, recipe.changed({"camera": {"share": 0.0}}), seed=1)
    for index in range(6):
        pristine = synthesizer.sample(index, "pristine")
        assert not np.array_equal(pristine.image, without.sample(index, "pristine").image)
        for manipulation in MANIPULATIONS[1:]:
            forged = synthesizer.sample(index, manipulation)
            assert forged.mask is not None
            np.testing.assert_array_equal(forged.image[~forged.mask], pristine.image[~forged.mask])


def test_twins_are_no_copies() -> None:
    scene = texture(3, 256, 256)
    recipe = replace(RECIPE, reduction=(2.0, 2.0))
    shot = replace(SHOT, photon_noise=2e-4)
    with_one, with_two = (
        photograph_crop(np.random.default_rng(5), scene, (96, 96), shot, replace(recipe, twins=twins))
        for twins in (0.0, 1.0)
    )
    assert with_one is not None
    assert with_two is not None
    assert 0.01 < (np.abs(with_one.astype(int) - with_two).max(axis=2) > 40).mean() < 0.3
