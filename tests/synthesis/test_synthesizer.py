import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from psccnet.errors import InputError
from psccnet.pictures.encoding import decode_as_stored
from psccnet.pictures.sample import MANIPULATIONS
from psccnet.synthesis import Objects, Photographs, SynthesisRecipe, Synthesizer
from psccnet.synthesis.synthesizer import random_crop
from psccnet.synthesis.transforms import place

from .conftest import HARD, NO_CAMERA, NO_WAY, PLAIN_ENDING, texture

RECIPE = SynthesisRecipe(size=128)


@pytest.fixture(scope="module")
def synthesizer(photographs: Photographs, objects: Objects) -> Synthesizer:
    return Synthesizer(photographs, objects, RECIPE, seed=3)


@pytest.mark.parametrize("manipulation", MANIPULATIONS)
def test_every_class_is_valid(synthesizer: Synthesizer, manipulation: str) -> None:
    areas = {
        "splicing": RECIPE.splicing.object_area,
        "copy-move": RECIPE.copy_move.area,
        "removal": RECIPE.removal.area,
    }
    for index in range(25):
        sample = synthesizer.sample(index, manipulation)
        assert sample.image.shape == (128, 128, 3)
        assert sample.image.dtype == np.uint8
        assert sample.mask is not None
        assert sample.mask.shape == (128, 128)
        assert sample.mask.dtype == np.bool_
        assert sample.manipulation == manipulation
        assert sample.forged == (manipulation != "pristine")
        assert sample.id == f"{manipulation}-{index:08d}"
        assert sample.source in synthesizer.photographs.names
        low, high = areas.get(manipulation, (0.0, 0.0))
        assert low <= sample.mask.mean() <= high


def test_a_sample_depends_on_seed_and_index_alone(synthesizer: Synthesizer, objects: Objects) -> None:
    again = pickle.loads(pickle.dumps(synthesizer))
    for index in (7, 2, 5, 4):
        first, second = synthesizer.sample(index), again.sample(index)
        assert first.manipulation == MANIPULATIONS[index % 4]
        assert np.array_equal(first.image, second.image)
        assert np.array_equal(first.mask, second.mask)
    other = Synthesizer(synthesizer.photographs, objects, RECIPE, seed=4)
    assert not np.array_equal(synthesizer.sample(0).image, other.sample(0).image)


def test_all_classes_share_host_and_file_format(synthesizer: Synthesizer) -> None:
    for index in range(12):
        made = [synthesizer.encoded(index, manipulation) for manipulation in MANIPULATIONS]
        assert len({encoding for _, encoding, _ in made}) == 1
        assert len({sample.source for _, _, sample in made}) == 1


def test_objects_keep_the_traces_of_their_past(
    photographs: Photographs, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    transform = {"share": 0.0, "any_rotation": 0.0, "deform": 0.0, "flip": 0.0}
    changes = {"region": {"object_share": 1.0}, "host": {"history": 1.0}, "splicing": {"transform": transform}}
    recipe = RECIPE.changed({**changes, **NO_CAMERA})
    synthesizer = Synthesizer(photographs, objects, recipe)
    scales = []
    monkeypatch.setattr(
        "psccnet.synthesis.splicing.place",
        lambda piece, alpha, affine, *rest: scales.append(affine.scale) or place(piece, alpha, affine, *rest),
    )
    for index in range(40):
        synthesizer.sample(index, "splicing")
    assert np.mean(np.array(scales) == 1) > 0.9  # shrunk before the compression, not after


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_ending_may_be_finer_than_the_past_in_every_class(photographs: Photographs, share: float) -> None:
    changes = {"host": {"history": 1.0, "history_quality": (80, 95)}, "ending": {"jpeg": 1.0, "finer": share}}
    recipe = RECIPE.changed({**changes, **NO_CAMERA, **NO_WAY})
    synthesizer = Synthesizer(photographs, None, recipe)
    finer = []
    for index in range(30):
        before = synthesizer._draw(index, "pristine").quality
        endings = {synthesizer.encoded(index, manipulation)[1].quality for manipulation in MANIPULATIONS}
        assert len(endings) == 1
        finer.append(endings.pop() >= before)
    assert np.mean(finer) == 1 if share else np.mean(finer) < 0.6


def test_classes_differ_in_the_mask_alone(photographs: Photographs) -> None:
    plain = RECIPE.changed({**PLAIN_ENDING, **HARD})
    synthesizer = Synthesizer(photographs, None, plain)
    for index in range(6):
        pristine = synthesizer.sample(index, "pristine").image
        for manipulation in MANIPULATIONS[1:]:
            sample = synthesizer.sample(index, manipulation)
            assert sample.mask is not None
            assert np.array_equal(sample.image[~sample.mask], pristine[~sample.mask])


def test_encoded_file_is_the_sample(synthesizer: Synthesizer) -> None:
    formats = set()
    for index in range(30):
        data, encoding, sample = synthesizer.encoded(index)
        formats.add(encoding.suffix)
        assert np.array_equal(decode_as_stored(data, "file"), sample.image)
        assert np.array_equal(synthesizer.sample(index).image, sample.image)
        assert data.startswith(b"\xff\xd8" if encoding.suffix == ".jpg" else b"\x89PNG")
    assert formats == {".jpg", ".png"}


def test_unknown_manipulation_and_too_few_photographs(synthesizer: Synthesizer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="retouching"):
        synthesizer.sample(0, "retouching")
    cv2.imwrite(str(tmp_path / "one.png"), texture(0))
    with pytest.raises(ValueError, match="two photographs"):
        Synthesizer(Photographs.open(tmp_path))


def test_blank_photographs_are_never_passed_off_as_forged(tmp_path: Path) -> None:
    for i in range(2):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((64, 64, 3), 100, np.uint8))
    synthesizer = Synthesizer(Photographs.open(tmp_path), recipe=SynthesisRecipe(size=64))
    with pytest.raises(InputError, match="no copy-move could be made from 16 photographs; add photographs"):
        synthesizer.sample(0, "copy-move")


@pytest.mark.parametrize(("height", "width"), [(200, 176), (90, 120), (128, 128), (40, 300)])
def test_crops(height: int, width: int) -> None:
    photograph = texture(1, height, width)
    for seed in range(10):
        crop = random_crop(np.random.default_rng(seed), photograph, RECIPE)
        assert crop.shape == (128, 128, 3)


def test_native_crops_stay_on_the_jpeg_grid() -> None:
    y, x = np.mgrid[:200, :176]
    photograph = np.stack([y, x, x], axis=2).astype(np.uint8)
    for seed in range(10):
        crop = random_crop(np.random.default_rng(seed), photograph, RECIPE.changed({"host": {"native_crop": 1.0}}))
        assert not (crop[0, 0] % 8).any()
