"""Validation on real pictures: which, how they are scored, and that they are not trained on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

from psccnet.datasets.entry import Entry
from psccnet.pictures.sample import Sample
from psccnet.training.data import TrainingData
from psccnet.training.published import find_validation_sets
from psccnet.training.real_validation import RealPictures, RealScores, reduced
from psccnet.training.recipe import Recipe
from psccnet.training.task import PSCCTask

from .conftest import texture

Make = Callable[..., Recipe]


@pytest.fixture
def make(photographs: Path, listed_set: Path) -> Make:
    """A recipe that validates on `listed_set`, with some fields of data changed."""

    def recipe(**data: object) -> Recipe:
        fields = {"photographs": photographs, "size": 32, "workers": 0, "validation_sets": [str(listed_set)]}
        return Recipe.model_validate({"precision": "32-true", "data": {**fields, **data}})

    return recipe


def test_every_set_of_a_listing_is_a_set(listed_set: Path, tmp_path: Path) -> None:
    untouched = tmp_path / "untouched"
    untouched.mkdir()
    (untouched / "a.png").write_bytes((listed_set / "0.png").read_bytes())
    sets = find_validation_sets([str(listed_set / "index.csv"), f"folders={untouched}"], 20)
    assert {name: sorted(one.id for one in entries) for name, entries in sets.items()} == {
        "even": ["0.png", "2.png", "4.png", "6.png"],
        "odd": ["1.png", "3.png", "5.png"],
        "folders": ["a.png"],
    }


def test_so_many_of_each_manipulation_are_chosen_by_name(listed_set: Path, tmp_path: Path) -> None:
    sets = find_validation_sets([str(listed_set)], 1)
    kinds = {name: sorted(one.manipulation for one in entries) for name, entries in sets.items()}
    assert kinds == {"even": ["copy-move", "pristine", "removal"], "odd": ["pristine", "splicing"]}
    elsewhere = listed_set.rename(tmp_path / "elsewhere")
    again = find_validation_sets([str(elsewhere)], 1)
    assert [[one.id for one in entries] for entries in again.values()] == [
        [one.id for one in entries] for entries in sets.values()
    ]


def test_a_listing_without_sets_is_called_after_its_folder(listed_set: Path) -> None:
    index = listed_set / "index.csv"
    index.write_text("\n".join(line.partition(",")[2] for line in index.read_text().splitlines()))
    assert list(find_validation_sets([str(index)], 20)) == ["set"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["SET", "SET"], "two sets are called even"),
        (["casia9=SET"], "no data set 'casia9'"),
        (["nowhere"], "nowhere: there is no such index"),
        (["coverage=SET"], "has no usable pictures"),
    ],
)
def test_what_is_no_validation_set_is_named(listed_set: Path, words: list[str], message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        find_validation_sets([one.replace("SET", str(listed_set)) for one in words], 20)


def test_large_pictures_are_reduced_and_small_regions_stay() -> None:
    mask = np.zeros((300, 401), np.bool_)
    mask[200, 100] = True
    sample = Sample(np.full((300, 401, 3), 77, np.uint8), mask, True, "splicing", "a", "a")
    small = reduced(sample, 1200)
    assert small.image.shape == (29, 40, 3)
    assert small.mask.shape == (29, 40)
    assert small.mask[19, 9] or small.mask[19, 10]
    assert small.mask.sum() <= 4
    assert (small.image == 77).all()
    assert reduced(sample, 300 * 401) is sample
    mask[:150] = True
    assert reduced(sample, 1200).mask.mean() == pytest.approx(0.5, abs=0.02)


def test_scores_weigh_each_set_alike() -> None:
    rng = np.random.default_rng(1)
    scores, expected_pixel, answers = RealScores(), {}, {}
    for name, count in (("a", 3), ("b", 1)):
        for number in range(count + 1):
            forged = number < count
            truth = np.zeros((6, 7), np.bool_)
            truth[:2] = forged
            mask = rng.random((6, 7), np.float32) + 0.2 * truth
            answer = float(rng.random())
            scores.update(name, mask, answer, truth, forged)
            answers.setdefault(name, []).append((forged, answer))
            if forged:
                expected_pixel.setdefault(name, []).append(roc_auc_score(truth.ravel(), mask.ravel()))
    scores.update("pristine only", np.zeros((2, 2), np.float32), 0.5, np.zeros((2, 2), np.bool_), False)
    found = scores.compute()
    assert found["real_pixel_auc_a"] == pytest.approx(np.mean(expected_pixel["a"]))
    means = [np.mean(values) for values in expected_pixel.values()]
    assert found["real_pixel_auc"] == pytest.approx(np.mean(means))
    images = [roc_auc_score(*zip(*values, strict=True)) for values in answers.values()]
    assert found["real_image_auc"] == pytest.approx(np.mean(images))
    assert not any("pristine only" in name for name in found)
    assert found["real_f1"] == pytest.approx((found["real_f1_a"] + found["real_f1_b"]) / 2)


def validated(task: PSCCTask, data: TrainingData) -> dict[str, float]:
    """What a validation logs."""
    logged: dict[str, float] = {}
    task.log_dict = logged.update
    task.eval()
    task.on_validation_epoch_start()
    for number, loader in enumerate(data.val_dataloader()):
        for index, batch in enumerate(loader):
            with torch.inference_mode():
                task.validation_step(batch, index, number)
    task.on_validation_epoch_end()
    return logged


def test_the_mean_over_sets_chooses(make: Make, listed_set: Path, caplog: pytest.LogCaptureFixture) -> None:
    recipe = make(validation_pictures=4)
    (listed_set / "1.png").write_bytes(b"no picture")
    task = PSCCTask(recipe)
    data = TrainingData(recipe)
    logged = validated(task, data)
    assert {"val/pixel_auc", "val/image_auc", "val/real_f1", "val/real_image_auc_even"} < logged.keys()
    both = logged["val/real_pixel_auc"], logged["val/real_image_auc"]
    assert logged["val/score"] == pytest.approx(np.mean(both))
    assert logged["val/real_pixel_auc"] == pytest.approx(
        (logged["val/real_pixel_auc_even"] + logged["val/real_pixel_auc_odd"]) / 2
    )
    left_out = [line for line in caplog.messages if "left out" in line]
    assert len(left_out) == 1
    assert "1.png" in left_out[0]
    caplog.clear()
    validated(task, data)
    assert "left out" not in caplog.text


def test_a_picture_is_scored_at_its_own_size(make: Make, listed_set: Path) -> None:
    task = PSCCTask(make()).eval()
    pictures = RealPictures({"all": find_validation_sets([str(listed_set)], 20)["odd"]})
    one = next(picture for picture in (pictures[i] for i in range(len(pictures))) if picture["forged"])
    seen: list[torch.Tensor] = []
    task.network.top_down.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    task._folded[0].top_down.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        task.validation_step(one, 0, 1)
        expected = task.network(one["picture"][None] / 255).mask_logits[0]
    assert seen[0].shape[-2:] == one["mask"].shape[-2:]
    mask = torch.nn.functional.interpolate(expected, one["mask"].shape[-2:], mode="bilinear", align_corners=True)
    auc = roc_auc_score(one["mask"].flatten(), torch.sigmoid(mask).flatten())
    assert task._real.compute()["real_pixel_auc_all"] == pytest.approx(auc, abs=2e-3)


def test_an_answer_that_is_not_finite_gains_nothing(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    recipe = make(validation_pictures=4)
    task = PSCCTask(recipe)
    with torch.no_grad():
        task.network.bottom_up.scale1.mask_block[2].bias.fill_(torch.nan)
    task._reset_validation()
    for index, picture in enumerate(TrainingData(recipe).real_validation()):
        with torch.inference_mode():
            task.eval().validation_step(picture, index, 1)
    found = task._real.compute()
    assert (found["real_pixel_auc"], found["real_image_auc"]) == (0.5, 0.5)
    assert "is not finite; it counts as 0.5" in caplog.text


def test_nothing_that_can_be_read_is_an_error(make: Make, listed_set: Path) -> None:
    for path in listed_set.glob("*.png"):
        path.write_bytes(b"no picture")
    recipe = make(validation_pictures=4)
    with pytest.raises(ValueError, match="validation_sets: none of the pictures could be read"):
        validated(PSCCTask(recipe), TrainingData(recipe))


@pytest.mark.parametrize("how", ["set", "linked photographs"])
def test_what_is_validated_on_is_not_trained_on(make: Make, listed_set: Path, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        Image.fromarray(texture(i, 40)).save(folder / f"own{i}.png")
    (folder / "some other name.png").symlink_to(listed_set / "2.png")
    changes = {"sets": [f"listing={listed_set}"]} if how == "set" else {"photographs": folder}
    with pytest.raises(ValueError, match=r"\.png is in both training and validation; remove it from one of them"):
        TrainingData(make(**changes)).check_apart()
    TrainingData(make()).check_apart()


def test_the_best_weights_are_chosen_by_auc(make: Make) -> None:
    fields = make().model_dump() | {"selection": "accuracy"}
    with pytest.raises(ValueError, match="selection must be auc, not accuracy"):
        Recipe.model_validate(fields)


def test_entries_keep_their_size_and_mask(listed_set: Path) -> None:
    picture = RealPictures({"a": [Entry("1.png", listed_set / "1.png", listed_set / "masks/1.png", "splicing")]})[0]
    assert picture["picture"].shape == (3, 43, 59)
    assert picture["mask"].shape == (1, 43, 59)
    assert int(picture["mask"].sum()) == (21 - 8) * (25 - 6)
    assert (picture["fault"], picture["forged"], picture["set"]) == ("", True, "a")
