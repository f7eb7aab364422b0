"""A small photograph collection with an index, and a recipe that trains in seconds."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer

from psccnet.training.recipe import Recipe


def texture(seed: int, side: int = 96) -> np.ndarray:
    """A picture with structure at several scales, so that every forgery shows."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.uniform(0, 255, (n, n, 3)).astype(np.float32), (side, side)) for n in (4, 12, 32)]
    return np.clip(sum(layers) / 3 + rng.normal(0, 4, (side, side, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five photographs to train on and three to validate on."""
    folder = tmp_path_factory.mktemp("photographs")
    rows = []
    for i in range(8):
        name = f"{i}.png" if i % 2 else f"{i}.jpg"
        cv2.imwrite(str(folder / name), texture(i))
        rows.append((name, "train" if i < 5 else "validation"))
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "split"), *rows])
    return folder


@pytest.fixture
def recipe(photographs: Path) -> Recipe:
    """Three epochs of three steps."""
    return Recipe.model_validate(
        {
            "epochs": 3,
            "precision": "32-true",
            "ema_decay": 0.5,
            "checkpoint_minutes": 60,
            "data": {
                "photographs": photographs,
                "size": 32,
                "batch_size": 4,
                "pictures_per_epoch": 12,
                "validation_pictures": 8,
                "workers": 0,
            },
            "optimizer": {"lr": 1e-3, "weight_decay": 1e-2, "warmup_steps": 4, "schedule": "cosine", "clip": 1.0},
            "loss": {"evidence": 0.5},
        }
    )


@pytest.fixture
def every_step_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of nine steps logs each of them, on the processor, where sums have one order."""

    def trainer(**arguments: Any) -> Trainer:
        return Trainer(**{**arguments, "log_every_n_steps": 1, "accelerator": "cpu", "devices": 1})

    monkeypatch.setattr("psccnet.training.run.Trainer", trainer)


@pytest.fixture(autouse=True)
def precision_as_it_was() -> Iterator[None]:
    """What a run sets for products of matrices is taken back after it."""
    precision = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(precision)
