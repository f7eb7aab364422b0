"""Several processes make the same steps as one that has all their pictures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from psccnet.training.recipe import Recipe
from psccnet.training.run import processes, train


def values(folder: Path, prefix: str) -> list[dict[str, float]]:
    """The logged lines that hold values of that kind, without the time."""
    lines = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "time"} for line in lines if f"{prefix}" in line]


@pytest.mark.slow
def test_two_processes_make_the_curve_of_one(recipe: Recipe, tmp_path: Path) -> None:
    fields = recipe.model_dump(mode="json")
    fields |= {"epochs": 1, "ema_decay": 0.9}
    fields["data"] |= {"pictures_per_epoch": 40, "batch_size": 4, "validation_pictures": 4}
    fields["optimizer"]["lr"] = 1e-4
    fields["network"] |= {"stem": "unshuffled", "grid": 32}  # a quarter of the arithmetic
    fields["network"]["freeze_batch_norm"] = True  # which has statistics of its own in each process
    train(Recipe.model_validate(fields), tmp_path / "one", progress=False)
    fields["data"]["batch_size"] = 2
    (tmp_path / "half.yaml").write_text(yaml.safe_dump(fields))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "psccnet"]
    command += ["train", tmp_path / "half.yaml", "--out", tmp_path / "two"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    train(Recipe.model_validate(fields), tmp_path / "half", progress=False)
    # Sums are rounded in another order, which Adam's first steps magnify; half the pictures make another curve.
    one, half = (values(tmp_path / name, "train/loss")[-1]["train/loss"] for name in ("one", "half"))
    assert half != pytest.approx(one, rel=0.05)
    # On a processor with AVX2 alone a loss was 1.2e-3 apart; with half the pictures it is 0.05 and more.
    for prefix, count, apart in (("train/loss", 1, {"rel": 1e-2}), ("val/pixel_auc", 1, {"abs": 5e-3})):
        one, two = values(tmp_path / "one", prefix), values(tmp_path / "two", prefix)
        assert len(one) == len(two) == count
        for single, double in zip(one, two, strict=True):
            assert double == pytest.approx(single, **apart)


def test_what_torchrun_says_of_its_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert processes() == {}
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert processes() == {"strategy": "ddp", "devices": 4, "num_nodes": 2}
