"""Whole runs, small: what they write, and that a run cut off goes on as if it had not been."""

import json
import math
import signal
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer

from psccnet.errors import WeightsError
from psccnet.network import Architecture, PSCCNet
from psccnet.training.bundle import bundle_checkpoint
from psccnet.training.callbacks import Checkpoints
from psccnet.training.curves import gain, read_curves
from psccnet.training.initial_weights import detection_of, initial_state, load_initial_weights, read_checkpoint
from psccnet.training.recipe import Recipe, read_recipe
from psccnet.training.run import check_resumable, is_finished, train
from psccnet.training.stopping import Interrupted, Limit
from psccnet.training.task import PSCCTask
from psccnet.weights import Card, save

pytestmark = pytest.mark.usefixtures("every_step_is_logged")

STEPS = 9


def curve(folder: Path, name: str) -> dict[int, float]:
    """Value by step of one curve; of a step that was done twice, the later."""
    lines = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    return {line["step"]: line[name] for line in lines if name in line}


def checkpoint(folder: Path, name: str = "last.ckpt") -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(folder / name, weights_only=False)
    return loaded


def assert_same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for key, value in one.items():
        torch.testing.assert_close(value, other[key], rtol=0, atol=1e-6, msg=lambda text, key=key: f"{key}: {text}")


@pytest.fixture
def recipe(recipe: Recipe) -> Recipe:
    """With a quarter of the arithmetic: whole runs are trained here."""
    return recipe.model_copy(update={"network": recipe.network.model_copy(update={"stem": "unshuffled", "grid": 32})})


@pytest.fixture
def short(recipe: Recipe) -> Recipe:
    """One step, for runs of which only the beginning or the end matters."""
    data = recipe.data.model_copy(update={"pictures_per_epoch": 4, "validation_pictures": 4})
    return recipe.model_copy(update={"epochs": 1, "data": data})


@pytest.fixture(autouse=True)
def notes_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "psccnet")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `whole_run` trains into once."""
    return tmp_path_factory.mktemp("runs") / "whole"


@pytest.fixture
def whole_run(uninterrupted: Path, recipe: Recipe) -> Path:
    """The folder of the run that was not cut off."""
    if not uninterrupted.exists():
        assert train(recipe, uninterrupted, progress=False) == uninterrupted / "last.ckpt"
    return uninterrupted


@pytest.mark.slow
def test_a_run_leaves_weights_curves_and_what_made_them(whole_run: Path, recipe: Recipe) -> None:
    names = {path.name for path in whole_run.iterdir()}
    assert names == {"recipe.yaml", "provenance.json", "curves.jsonl", "tensorboard", "last.ckpt", "best.ckpt"}
    assert read_recipe(whole_run / "recipe.yaml") == recipe
    facts = json.loads((whole_run / "provenance.json").read_text())
    assert facts["packages"]["torch"] == version("torch")
    assert facts["seed"] == recipe.seed
    assert facts["commit"]
    for name in ("loss", "detection", "mask1", "mask2", "mask3", "mask4", "evidence"):
        values = curve(whole_run, f"train/{name}")
        assert sorted(values) == list(range(STEPS))
        assert all(math.isfinite(value) for value in values.values())
    scores = curve(whole_run, "val/score")
    assert sorted(scores) == [2, 5, 8]
    assert all(0 <= score <= 1 for score in scores.values())
    assert checkpoint(whole_run)["global_step"] == STEPS
    assert any((whole_run / "tensorboard").iterdir())


def test_the_parts_add_up_to_the_loss(whole_run: Path) -> None:
    parts = {
        name: curve(whole_run, f"train/{name}")
        for name in ("loss", "detection", "mask1", "mask2", "mask3", "mask4", "evidence")
    }
    for step in range(STEPS):
        masks = sum(parts[f"mask{scale}"][step] for scale in range(1, 5))
        expected = parts["detection"][step] + masks / 4 + 0.5 * parts["evidence"][step]
        assert parts["loss"][step] == pytest.approx(expected, rel=1e-5)


def test_best_is_the_checkpoint_of_the_best_score(whole_run: Path) -> None:
    scores = curve(whole_run, "val/score")
    best = max(scores, key=lambda step: scores[step])
    assert checkpoint(whole_run, "best.ckpt")["global_step"] == best + 1


def test_another_run_can_start_from_a_checkpoint(whole_run: Path, recipe: Recipe) -> None:
    task = PSCCTask(recipe)
    chosen = recipe.model_copy(update={"init": whole_run / "best.ckpt"})
    load_initial_weights(task, chosen, initial_state(chosen))
    assert_same_weights(task.state_dict(), checkpoint(whole_run, "best.ckpt")["state_dict"])
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*nowhere\.ckpt"):
        read_checkpoint(whole_run / "nowhere.ckpt")


def test_weights_of_another_network_are_named(whole_run: Path, recipe: Recipe) -> None:
    other = recipe.model_copy(update={"init": whole_run / "best.ckpt"})
    other.network = recipe.network.model_copy(update={"stem": "full"})
    with pytest.raises(WeightsError, match=r"best\.ckpt does not fit the network \(wrong shapes.*: name weights of"):
        load_initial_weights(PSCCTask(other), other, initial_state(other))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a ZIP", b"\x80\x02}q\x00.", b"\xff\xd8\xff picture"])
def test_what_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(
        WeightsError, match=r"last\.ckpt is not a checkpoint of a run; give its last\.ckpt or best\.ckpt"
    ):
        read_checkpoint(tmp_path / "last.ckpt")


@pytest.mark.slow
def test_detection_is_that_of_the_initial_weights_or_the_recipes(
    short: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(7)
    weights = tmp_path / "contrast.safetensors"
    network = PSCCNet(Architecture(grid=32, detection="contrast", stem="unshuffled"))
    save(network, weights, Card(name="contrast"))
    fields = short.model_dump(exclude_unset=True) | {"init": weights, "loss": {}}
    open_, of_paper = (
        Recipe.model_validate(fields | {"network": {"stem": "unshuffled", "grid": 32, **changes}})
        for changes in ({}, {"detection": "head", "variant": "paper"})
    )
    last = train(open_, tmp_path / "run", progress=False)
    state = read_checkpoint(last)["state_dict"]
    assert detection_of(state) == "contrast"
    assert state["network.detection_head.gain"] != network.detection_head.gain  # it learns
    # A run that goes on, and weights that are bundled, have it from the checkpoint.
    train(open_.model_copy(update={"epochs": 2}), tmp_path / "run", progress=False)
    assert bundle_checkpoint(last, tmp_path / "out.safetensors").architecture.detection == "contrast"
    assert "another detection head" not in caplog.text

    task = PSCCTask(of_paper)
    before = {name: value.clone() for name, value in task.network.detection_head.state_dict().items()}
    load_initial_weights(task, of_paper, initial_state(of_paper))
    assert f"{weights} has another detection head; that of the recipe starts from random weights." in caplog.text
    assert_same_weights(task.network.detection_head.state_dict(), before)
    assert_same_weights(task.network.top_down.state_dict(), network.top_down.state_dict())
    assert_same_weights(task.network.bottom_up.state_dict(), network.bottom_up.state_dict())


@pytest.mark.slow
def test_the_gain_over_the_initial_weights_is_told(
    whole_run: Path, recipe: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = recipe.data.model_copy(update={"pictures_per_epoch": 8})
    chosen = recipe.model_copy(update={"init": whole_run / "best.ckpt", "epochs": 1, "data": data})
    train(chosen, tmp_path, progress=False)
    before, after = curve(tmp_path, "val/pixel_auc"), curve(whole_run, "val/pixel_auc")
    assert sorted(before) == [0, 1]
    scores = curve(whole_run, "val/score")
    assert before[0] == pytest.approx(after[max(scores, key=lambda step: scores[step])])
    assert caplog.messages[-1] == gain(tmp_path)
    steps = ((0, 0.6, 0.5), (3, 0.8, 0.7), (6, 0.7, 0.7))
    lines = [{"step": step, "val/score": (a + b) / 2, "val/pixel_auc": a, "val/image_auc": b} for step, a, b in steps]
    (tmp_path / "best.ckpt").touch()
    (tmp_path / "curves.jsonl").write_text("\n".join(map(json.dumps, lines)))
    words = "validation pixel AUC 0.600 -> 0.800, image AUC 0.500 -> 0.700 (step 0 -> 3)"
    assert gain(tmp_path) == f"{words}; see {tmp_path / 'best.ckpt'}"


@pytest.mark.slow
def test_what_only_harms_is_not_called_the_best(
    whole_run: Path, short: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.9, 0.4, 0.5])

    def validated(task: PSCCTask) -> None:
        task.log("val/score", next(scores))

    monkeypatch.setattr(PSCCTask, "on_validation_epoch_end", validated)
    train(short.model_copy(update={"init": whole_run / "best.ckpt", "epochs": 2}), tmp_path, progress=False)
    assert not (tmp_path / "best.ckpt").exists()
    assert (
        caplog.messages[-1] == f"no weights were better than those at step 0; the last are in {tmp_path / 'last.ckpt'}"
    )


def test_a_run_is_not_resumed_by_another_recipe(whole_run: Path, recipe: Recipe) -> None:
    written = (whole_run / "recipe.yaml").read_bytes()
    other = recipe.model_copy(update={"optimizer": recipe.optimizer.model_copy(update={"lr": 5e-4})})
    with pytest.raises(ValueError, match=r"started with another recipe \(optimizer\.lr 0\.001, now 0\.0005\): give"):
        train(other, whole_run, progress=False)
    assert (whole_run / "recipe.yaml").read_bytes() == written
    workers = recipe.model_copy(update={"data": recipe.data.model_copy(update={"workers": 3}), "epochs": 9})
    check_resumable(workers, whole_run)
    check_resumable(recipe.model_copy(update={"precision": "bf16-mixed"}), whole_run)


def test_the_released_selection_is_by_accuracy(recipe: Recipe) -> None:
    task = PSCCTask(recipe.model_copy(update={"selection": "accuracy"}))
    task._reset_validation()
    task._pixel_aucs, task._correct = {"splicing": [0.75]}, [0.9, 0.7]
    task._scores, task._forged = [0.2, 0.8, 0.7, 0.1], [0, 1, 0, 1]
    logged: dict[str, float] = {}
    task.log_dict = logged.update
    task.on_validation_epoch_end()
    assert logged["val/pixel_accuracy"] == pytest.approx(0.8)
    assert logged["val/image_accuracy"] == pytest.approx(0.5)
    assert logged["val/score"] == pytest.approx(0.65)


def test_a_validation_without_pristine_pictures_has_a_best_too(recipe: Recipe) -> None:
    task = PSCCTask(recipe)
    task._reset_validation()
    task._pixel_aucs, task._scores, task._forged = {"splicing": [0.75]}, [0.2, 0.3], [1, 1]
    task._correct = [0.5]
    logged: dict[str, float] = {}
    task.log_dict = logged.update
    task.on_validation_epoch_end()
    assert logged["val/score"] == 0.75
    assert "val/image_auc" not in logged


def test_frozen_statistics_stay_what_they_were(short: Recipe, tmp_path: Path) -> None:
    network = short.network.model_copy(update={"freeze_batch_norm": True})
    train(short.model_copy(update={"network": network}), tmp_path, progress=False)
    state = checkpoint(tmp_path)["state_dict"]
    counts = [value for name, value in state.items() if name.endswith("num_batches_tracked")]
    assert counts
    assert not any(counts)


class Killed(Exception):
    """Stands for a machine that is taken away."""


def cut_off_at(steps: set[int], monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """At each of these steps let time be up, the user press Ctrl-C, or the process die after a checkpoint."""
    original: Callable[..., None] = Checkpoints.on_train_batch_end

    def on_train_batch_end(self: Checkpoints, trainer: Trainer, *others: Any) -> None:
        now = trainer.global_step in steps
        self.limit.max_seconds = -1.0 if now and how != "ctrl-c" else None
        if now and how == "ctrl-c":
            signal.raise_signal(signal.SIGINT)
        original(self, trainer, *others)
        if now and how == "kill":
            raise Killed

    monkeypatch.setattr(Checkpoints, "on_train_batch_end", on_train_batch_end)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "how"),
    [({2, 7}, "time"), ({3}, "ctrl-c"), ({5, 6}, "kill")],
    ids=["mid-epoch", "stopped-at-an-epochs-end", "killed-mid-epoch-and-at-its-end"],
)
def test_a_run_cut_off_goes_on_as_if_it_had_not_been(
    whole_run: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: set[int], how: str
) -> None:
    cut_off_at(steps, monkeypatch, how)
    for step in sorted(steps):
        if how == "time":
            train(recipe, tmp_path, progress=False)
        else:
            with pytest.raises(Killed if how == "kill" else Interrupted):
                train(recipe, tmp_path, progress=False)
        assert checkpoint(tmp_path)["global_step"] == step
    train(recipe, tmp_path, progress=False)

    lines = read_curves(tmp_path)
    for name in ("train/loss", "train/mask1", "train/detection", "lr-AdamW", "val/score"):
        whole, resumed = curve(whole_run, name), curve(tmp_path, name)
        if how == "kill" and name.startswith("train/"):  # A step is written down after its checkpoint.
            whole = {step: value for step, value in whole.items() if step + 1 not in steps}
        assert resumed == pytest.approx(whole, abs=1e-6)
        assert sum(name in line for line in lines) == len(resumed)
    whole, resumed = checkpoint(whole_run), checkpoint(tmp_path)
    assert resumed["global_step"] == whole["global_step"] == STEPS
    assert_same_weights(resumed["current_model_state"], whole["current_model_state"])
    assert_same_weights(resumed["state_dict"], whole["state_dict"])
    best, expected = (checkpoint(folder, "best.ckpt") for folder in (tmp_path, whole_run))
    assert best["global_step"] == expected["global_step"]
    assert_same_weights(best["state_dict"], expected["state_dict"])


@pytest.mark.slow
def test_a_validation_that_was_cut_is_made_up_for(
    short: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The training set is done, and time is up in the last validation.
    original: Callable[..., None] = Checkpoints.on_validation_batch_start

    def time_is_up(self: Checkpoints, trainer: Trainer, *others: Any) -> None:
        self.limit.max_seconds = -1.0
        original(self, trainer, *others)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "on_validation_batch_start", time_is_up)
        last = train(short, tmp_path, progress=False)
    assert checkpoint(tmp_path)["global_step"] == 1
    assert curve(tmp_path, "val/score") == {}
    assert not is_finished(short, tmp_path)
    before = last.read_bytes()
    train(short, tmp_path, progress=False)
    assert list(curve(tmp_path, "val/score")) == [0]
    assert (tmp_path / "best.ckpt").read_bytes() == last.read_bytes() == before
    assert is_finished(short, tmp_path)


@pytest.mark.slow
def test_initial_weights_whose_validation_takes_too_long_are_trained_all_the_same(
    whole_run: Path, short: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Limit, "reached", lambda self, share=1.0: share < 1)
    train(short.model_copy(update={"init": whole_run / "best.ckpt"}), tmp_path, progress=False)
    assert "takes over half of the time limit: skipped" in caplog.text
    scores = [line for line in read_curves(tmp_path) if "val/score" in line]
    assert [line["step"] for line in scores] == [0]  # that of the first step alone
    assert checkpoint(tmp_path)["global_step"] == 1


@pytest.mark.slow
def test_a_run_that_starts_anew_leaves_nothing_of_the_one_before(short: Recipe, tmp_path: Path) -> None:
    (tmp_path / "curves.jsonl").write_text('{"step": 70, "val/score": 0.9}\n')
    for name in ("last.ckpt", "best.ckpt"):
        torch.save({"state_dict": {}, "global_step": 70}, tmp_path / name)
    train(short, tmp_path, resume=False, progress=False)
    assert {line["step"] for line in read_curves(tmp_path)} == {0}
    assert checkpoint(tmp_path, "best.ckpt")["global_step"] == 1


def test_a_finished_run_is_not_trained_further(
    whole_run: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def training_step(*_: object) -> None:
        raise AssertionError("a step was trained")

    monkeypatch.setattr(PSCCTask, "training_step", training_step)
    before = checkpoint(whole_run)
    train(recipe, whole_run, progress=False)
    assert_same_weights(checkpoint(whole_run)["state_dict"], before["state_dict"])


def test_a_loss_that_is_not_finite_stops_the_run(recipe: Recipe, tmp_path: Path) -> None:
    fields = recipe.model_dump()
    fields["optimizer"] |= {"lr": 1e30, "schedule": "constant", "warmup_steps": 0}
    with pytest.raises(FloatingPointError) as caught:
        train(Recipe.model_validate(fields), tmp_path, progress=False)
    message = str(caught.value)
    assert "not finite at step 1" in message
    for name in ("pristine-00000004", "splicing-00000005", "copy-move-00000006", "removal-00000007"):
        assert name in message
    assert not (tmp_path / "last.ckpt").exists()


@pytest.mark.slow
def test_phases_go_on_from_each_other_and_after_a_stop(recipe: Recipe, tmp_path: Path) -> None:
    fields = recipe.model_dump(mode="json") | {"epochs": 1}
    fields["data"] |= {"pictures_per_epoch": 8, "validation_pictures": 4}
    fields["phases"] = [{}, {"epochs": 2, "data": {"size": 64, "pictures_per_epoch": 4}}]
    phased = Recipe.model_validate(fields)
    stopped = train(phased, tmp_path / "run", max_seconds=0, progress=False)
    assert stopped == tmp_path / "run" / "phase-1" / "last.ckpt"
    assert read_checkpoint(stopped)["global_step"] == 1
    last = train(phased, tmp_path / "run", progress=False)
    assert last == tmp_path / "run" / "phase-2" / "last.ckpt"
    assert read_checkpoint(last)["global_step"] == 2
    resolved = read_recipe(tmp_path / "run" / "phase-2" / "recipe.yaml")
    assert (resolved.init, resolved.data.size) == (tmp_path / "run" / "phase-1" / "last.ckpt", 64)
    whole = train(phased.phase(1), tmp_path / "one", progress=False)
    one, other = (read_checkpoint(path)["state_dict"] for path in (stopped, whole))
    assert all(torch.equal(one[name], other[name]) for name in one)
    before = last.stat().st_mtime_ns
    assert train(phased, tmp_path / "run", progress=False) == last
    assert last.stat().st_mtime_ns == before
