"""Training, bundling and detecting through the command, as a user would."""

import signal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytorch_lightning import Trainer

from psccnet.training.initial_weights import read_checkpoint
from psccnet.training.recipe import read_recipe
from psccnet.training.task import PSCCTask
from psccnet.weights import load_network

from .conftest import Run


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psccnet.training.run.Trainer", lambda **given: Trainer(**given, accelerator="cpu", devices=1))


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    fields = {
        "name": "tiny",
        "epochs": 5,
        "precision": "32-true",
        "data": {"size": 64, "batch_size": 4, "pictures_per_epoch": 4, "validation_pictures": 4, "workers": 0},
        "optimizer": {"warmup_steps": 3},
    }
    path.write_text(yaml.safe_dump(fields))
    return path


@pytest.mark.slow
def test_train_bundle_and_detect(
    psccnet: Run, recipe_file: Path, photographs: Path, photo: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    overrides = ("--data.photographs", photographs, "--data.size", 32, "--optimizer.lr", "1e-4")
    overrides += ("--network.no-shared-embedding", "--data.synthesis.ending.post", "0.0")
    done = psccnet("train", recipe_file, "--out", run, "--epochs", 1, *overrides)
    assert (done.status, done.out.splitlines()[-1]) == (0, str(run / "last.ckpt"))
    used = read_recipe(run / "recipe.yaml")
    assert (used.name, used.epochs, used.optimizer.lr, used.optimizer.warmup_steps) == ("tiny", 1, 1e-4, 3)
    assert (used.data.size, used.data.batch_size, used.data.photographs) == (32, 4, photographs)
    assert (used.network.shared_embedding, used.data.synthesis) == (False, {"ending": {"post": 0.0}})

    assert psccnet("train", recipe_file, "--out", run, "--epochs", 2, *overrides).status == 0
    card = tmp_path / "card.yaml"
    card.write_text("name: mine\nthreshold: 0.25\n")
    out = tmp_path / "mine.safetensors"
    done = psccnet("weights", "bundle", run / "last.ckpt", "--out", out, "--card", card)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"{out}: mine, 2 steps, sha256 ")  # the second call went on from the first

    network, written = load_network(out)
    assert (network.architecture.shared_embedding, network.grid) == (False, 256)
    assert (written.threshold, written.pictures) == (0.25, 8)
    done = psccnet("detect", photo, "--weights", out)
    assert (done.status, done.err) == (0, "")


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(
    psccnet: Run, recipe_file: Path, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = PSCCTask.training_step

    def training_step(self: PSCCTask, *batch: Any) -> Any:
        if self.global_step == 1:
            signal.raise_signal(signal.SIGINT)
        return original(self, *batch)

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(PSCCTask, "training_step", training_step)
        done = psccnet("train", recipe_file, "--out", run, "--data.photographs", photographs, "--data.size", 32)
    assert (done.status, done.out) == (130, "")
    lines = done.err.splitlines()
    assert "psccnet: stopping after this step; press Ctrl-C again to stop at once" in lines
    assert lines[-1] == f"psccnet: stopped; run the same command with --out {run} to resume from {run / 'last.ckpt'}"
    assert read_checkpoint(run / "last.ckpt")["global_step"] == 2
    assert not any("warn" in line.lower() for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.yaml"], "psccnet: There is no recipe nowhere.yaml"),
        (["RECIPE", "--epochs", "0"], "epochs"),
        (["RECIPE", "--data.size", "33"], "size"),
        (["RECIPE", "--network.variant", "own"], "variant"),
        (["RECIPE", "--data.pictures", "7"], "--data.pictures"),
        (["RECIPE", "--data.photographs", "PHOTOS", "--data.synthesis.seam.hard", "1"], "psccnet: data.synthesis: "),
        (["RECIPE", "--data.photographs", "nowhere"], "no such folder or tar archive: nowhere"),
        (["RECIPE", "--init", "nowhere.ckpt"], "There is no checkpoint nowhere.ckpt"),
    ],
)
def test_wrong_usage(
    psccnet: Run, recipe_file: Path, photographs: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    stands_for = {"RECIPE": recipe_file, "PHOTOS": photographs}
    done = psccnet("train", *(stands_for.get(word, word) for word in words), "--out", tmp_path / "run")
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "run" / "last.ckpt").exists()
