from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from psccnet.pictures.encoding import Encoding, compressed
from psccnet.synthesis import Photographs, SynthesisRecipe, Synthesizer
from psccnet.synthesis.writing import write_set
from psccnet.training.data import Pictures, StepSampler, TrainingData
from psccnet.training.recipe import Recipe
from psccnet.training.sources import Pairs

from .conftest import texture

# Without compression or blur the pristine picture of an index is the host of its forgeries.
LOSSLESS = {
    "host": {"history": 0},
    "seams": {"hard": 1, "feathered": 0},
    "ending": {"post": 0, "jpeg": 0},
    "last_mile": {"share": 0},
}


def pictures(photographs: Path, augment: bool, seed: int = 3) -> Pictures:
    pool = Photographs.open(photographs, split="train")
    return Pictures(Synthesizer(pool, None, SynthesisRecipe(size=32), seed), 24, augment)


def symmetries(x: Tensor) -> list[Tensor]:
    """The eight flips and rotations of (C, S, S)."""
    return [torch.rot90(y, turns, dims=(1, 2)) for y in (x, torch.flip(x, dims=(2,))) for turns in range(4)]


@pytest.mark.parametrize("augment", [True, False])
def test_a_sample_depends_on_seed_and_index_alone(photographs: Path, augment: bool) -> None:
    one, other = pictures(photographs, augment), pictures(photographs, augment)
    differs = pictures(photographs, augment, seed=4)
    assert len(one) == 24
    for index in (9, 2, 5):
        first, again = one[index], other[index]
        assert first["id"] == again["id"]
        assert torch.equal(first["picture"], again["picture"])
        assert torch.equal(first["mask"], again["mask"])
        assert not torch.equal(first["picture"], differs[index]["picture"])


def test_samples_are_tensors_of_four_classes_in_turn(photographs: Path) -> None:
    dataset = pictures(photographs, augment=True)
    for index in range(8):
        sample = dataset[index]
        picture, mask = sample["picture"], sample["mask"]
        assert (picture.shape, picture.dtype) == ((3, 32, 32), torch.uint8)
        assert (mask.shape, mask.dtype) == ((1, 32, 32), torch.uint8)
        assert set(mask.unique().tolist()) <= {0, 1}
        assert sample["forged"] == int(index % 4 > 0)
        assert bool(mask.any()) == bool(sample["forged"])
        assert sample["id"].endswith(f"-{index:08d}")


def test_pairs_differ_in_nothing_but_the_manipulation(photographs: Path) -> None:
    lossless = SynthesisRecipe(size=32).changed(LOSSLESS)
    pairs = Pairs(Synthesizer(Photographs.open(photographs, split="train"), None, lossless, 3))
    kinds = set()
    for index in range(0, 24, 2):
        forged, pristine = pairs.sample(index), pairs.sample(index + 1)
        kinds.add(forged.manipulation)
        assert pristine.manipulation == "pristine"
        assert forged.source == pristine.source
        changed = (forged.image != pristine.image).any(axis=2)
        assert changed[forged.mask].mean() > 0.5
        assert not changed[~forged.mask].any()
    assert kinds == {"splicing", "copy-move", "removal"}


def test_twins_are_turned_alike(photographs: Path) -> None:
    fields = {"photographs": photographs, "size": 32, "pairs": True, "synthesis": LOSSLESS}
    training = TrainingData(Recipe.model_validate({"data": fields}))._training_pictures()
    for index in range(0, 16, 2):
        forged, pristine = training[index], training[index + 1]
        changed = (forged["picture"] != pristine["picture"]).any(dim=0)
        assert not changed[forged["mask"][0] == 0].any()


def test_pairs_are_trained_on(photographs: Path) -> None:
    data = TrainingData(Recipe.model_validate({"data": {"photographs": photographs, "size": 32, "pairs": True}}))
    assert [data._training_pictures()[index]["forged"] for index in range(6)] == [1, 0, 1, 0, 1, 0]


def test_picture_and_mask_are_turned_alike(photographs: Path) -> None:
    plain, augmented = pictures(photographs, augment=False), pictures(photographs, augment=True)
    used = set()
    for index in range(24):
        before, after = plain[index], augmented[index]
        both = torch.cat([before["picture"], before["mask"]])
        turned = torch.cat([after["picture"], after["mask"]])
        matches = [i for i, candidate in enumerate(symmetries(both)) if torch.equal(candidate, turned)]
        assert len(matches) == 1
        used.update(matches)
    assert len(used) >= 6


def test_masks_mark_where_the_host_was_changed(photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lossless = SynthesisRecipe(size=32).changed(LOSSLESS)
    made = Synthesizer(Photographs.open(photographs, split="train"), None, lossless, seed=3)
    dataset = Pictures(made, 8, augment=True)
    original = made.sample
    checked = 0
    for index in range(8):
        forged = dataset[index]
        with monkeypatch.context() as patch:
            patch.setattr(made, "sample", lambda index: original(index, "pristine"))
            host = dataset[index]
        changed = (forged["picture"] != host["picture"]).any(dim=0)
        inside = forged["mask"][0] > 0
        if made.sample(index).source == original(index, "pristine").source:
            assert not (changed & ~inside).any()
            assert changed.sum() >= 0.5 * inside.sum()
            checked += int(inside.any())
    assert checked >= 3


def sampler(step: int, rank: int = 0, world: int = 1, length: int = 4, size: int = 3) -> StepSampler:
    trainer = SimpleNamespace(global_step=step, global_rank=rank, world_size=world)
    recipe = Recipe.model_validate({"data": {"batch_size": size}})
    return StepSampler(SimpleNamespace(trainer=trainer, recipe=recipe, steps_per_epoch=length))


def test_batches_are_placed_by_the_step() -> None:
    assert len(sampler(0)) == 4
    assert list(sampler(0)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    # In the middle of the second epoch; at the start of the third.
    assert list(sampler(6)) == [[18, 19, 20], [21, 22, 23]]
    assert next(iter(sampler(8))) == [24, 25, 26]
    assert len(list(sampler(8))) == 4


def test_resuming_anywhere_continues_the_same_stream() -> None:
    whole = [batch for epoch in range(3) for batch in sampler(4 * epoch)]
    assert [index for batch in whole for index in batch] == list(range(36))
    for step in range(12):
        rest = list(sampler(step)) + [b for epoch in range(step // 4 + 1, 3) for b in sampler(4 * epoch)]
        assert rest == whole[step:]


def test_processes_share_the_stream() -> None:
    together = zip(*(sampler(4, rank, world=3, size=2) for rank in range(3)), strict=True)
    indices = [index for batches in together for batch in batches for index in batch]
    assert indices == list(range(24, 48))


def test_data_are_of_the_recipes_size_and_split(recipe: Recipe) -> None:
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"validation_size": 64})})
    module = TrainingData(recipe)
    assert module.steps_per_epoch == 3
    module.trainer = SimpleNamespace(global_step=0, global_rank=0, world_size=1)
    batches = list(module.train_dataloader())
    assert len(batches) == 3
    assert batches[0]["picture"].shape == (4, 3, 32, 32)
    assert batches[0]["forged"].tolist() == [0, 1, 1, 1]
    (batch,) = module.synthetic_validation()
    assert batch["picture"].shape == (8, 3, 64, 64)
    assert batch["mask"].shape == (8, 1, 64, 64)
    train, validation = (
        set(loader.dataset.source.photographs.names)
        for loader in (module.train_dataloader(), module.synthetic_validation())
    )
    assert train == {"0.jpg", "1.png", "2.jpg", "3.png", "4.jpg"}
    assert validation == {"5.png", "6.jpg", "7.png"}


def test_validation_does_not_depend_on_the_recipes_seed(recipe: Recipe) -> None:
    one, other = (
        next(iter(TrainingData(recipe.model_copy(update={"seed": seed})).synthetic_validation())) for seed in (0, 5)
    )
    assert torch.equal(one["picture"], other["picture"])
    assert np.array_equal(one["id"], other["id"])


@pytest.fixture
def written_set(photographs: Path, tmp_path: Path) -> Path:
    pool = Photographs.open(photographs, split="train")
    folder = tmp_path / "set"
    list(write_set(Synthesizer(pool, None, SynthesisRecipe(size=64), 1), 80, folder))
    return folder


def with_sets(photographs: Path, **data: object) -> TrainingData:
    fields = {"photographs": photographs, "size": 32, "pictures_per_epoch": 40, "validation_pictures": 8, "workers": 0}
    return TrainingData(Recipe.model_validate({"epochs": 1, "data": {**fields, **data}}))


def test_a_written_set_is_trained_on_and_a_part_kept(photographs: Path, written_set: Path) -> None:
    module = with_sets(photographs / "nowhere", sets=[f"listing={written_set}"])
    training, validation = module._training_pictures(), module.synthetic_validation().dataset
    kinds = [training[index]["id"].rsplit("-", 1)[0] for index in range(4)]
    assert kinds == ["pristine", "splicing", "copy-move", "removal"]
    trained, kept = (
        {dataset.source.sample(index).source for index in range(160)} for dataset in (training, validation)
    )
    assert not trained & kept
    assert len(trained) > 60
    assert 0 < len(kept) < 12
    batch = next(iter(module.synthetic_validation()))
    assert batch["picture"].shape == (8, 3, 32, 32)


def test_pictures_of_sets_end_as_synthetic_ones_do(photographs: Path, written_set: Path) -> None:
    fields = {"sets": [f"listing={written_set}"], "size": 64}
    ending = {"post": 0.0, "jpeg": 1.0, "quality": [70, 70], "halved_chroma": 1.0}
    synthesis = {"ending": ending, "last_mile": {"share": 0.0}}
    ended, same = (with_sets(photographs, **fields, synthesis=synthesis)._training_pictures().source for _ in range(2))
    plain = with_sets(photographs, **fields, endings=False)._training_pictures().source
    for index in range(4):
        before, after = plain.sample(index), ended.sample(index)
        assert np.array_equal(after.image, compressed(before.image, Encoding(70, True)))
        assert not np.array_equal(after.image, before.image)
        assert (after.id, after.forged) == (before.id, before.forged)
        assert np.array_equal(after.mask, before.mask)
        assert np.array_equal(after.image, same.sample(index).image)


def test_synthetic_pictures_are_mixed_in(photographs: Path, written_set: Path) -> None:
    module = with_sets(photographs, sets=[f"listing={written_set}"], synthetic=0.5)
    source = module._training_pictures().source
    of_set = [source.sample(index).source.startswith(str(written_set)) for index in range(80)]
    assert 0.3 < np.mean(of_set) < 0.7
    assert source.sample(6).manipulation == "copy-move"
    validation = module.synthetic_validation().dataset
    assert not validation.source.sample(0).source.startswith(str(written_set))


def test_sets_that_are_none(photographs: Path, tmp_path: Path) -> None:
    for words, message in (("casia2", "is not NAME=FOLDER"), (f"coverage={tmp_path}", "no usable pictures")):
        with pytest.raises(ValueError, match=message):
            with_sets(photographs, sets=[words])._training_pictures()


@pytest.mark.parametrize(("count", "kept"), [(5, {"0.png", "2.png", "4.png"}), (41, {"0.png", "27.png", "9.png"})])
def test_photographs_without_an_index_are_split_by_name(tmp_path: Path, count: int, kept: set[str]) -> None:
    for i in range(count):
        cv2.imwrite(str(tmp_path / f"{i}.png"), texture(i, 48))
    module = with_sets(tmp_path)
    validation = module.synthetic_validation().dataset.source.photographs.names
    train = module._training_pictures().source.photographs.names
    assert set(validation) == kept
    assert not set(train) & set(validation)
    assert len(train) + len(validation) == count
