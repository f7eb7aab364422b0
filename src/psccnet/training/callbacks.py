"""Checkpoints that can be cut off at any time, and curves as JSON lines."""

import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only


class Checkpoints(Callback):
    """Writes `last.ckpt` every few minutes and when time is up, and `best.ckpt` by validation score.

    Weights that the run starts from count, if they are validated first: what is worse than they is not the best.

    Files are written under a temporary name and renamed. Must stand after weight averaging in the list of
    callbacks: a checkpoint written before it lacks the average's update of its own step, for good.

    Args:
        folder: where they go.
        minutes: between two checkpoints.
        max_seconds: stop after so long (a slice of a longer run); the checkpoint can be resumed.
    """

    def __init__(self, folder: Path, minutes: float, max_seconds: float | None = None) -> None:
        self.folder = folder
        self.seconds = minutes * 60
        self.max_seconds = max_seconds
        self.started = self.saved = time.monotonic()
        self.best = float("-inf")

    def save(self, trainer: Trainer, name: str) -> None:
        """Write a checkpoint whole or not at all."""
        temporary = self.folder / f".{name}.writing"
        trainer.save_checkpoint(temporary)
        if trainer.is_global_zero:
            os.replace(temporary, self.folder / name)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Save when it is time to, and stop when the slice is over."""
        now = time.monotonic()
        over = self.max_seconds is not None and now - self.started > self.max_seconds
        due = now - self.saved > self.seconds
        if trainer.world_size > 1:  # clocks differ, and what one process does all must do
            over, due = trainer.strategy.broadcast((over, due))
        last = trainer.global_step >= trainer.estimated_stepping_batches
        if over or last or due:
            self.save(trainer, "last.ckpt")
            self.saved = now
        if over:
            trainer.should_stop = True

    def on_validation_end(self, trainer: Trainer, _module: LightningModule) -> None:
        """Keep the weights with the best validation score."""
        score = trainer.callback_metrics.get("val/score")
        if trainer.sanity_checking or score is None or float(score) <= self.best:
            return
        self.best = float(score)
        if trainer.state.fn == "fit":
            self.save(trainer, "best.ckpt")

    def state_dict(self) -> dict[str, Any]:
        """The best score so far, kept over slices."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best score of the slices before."""
        self.best = state_dict["best"]
        # A slice that ends validates once more after it wrote the checkpoint that is resumed.
        path = self.folder / "best.ckpt"
        if path.is_file():
            kept = torch.load(path, map_location="cpu", weights_only=True, mmap=True)["callbacks"]
            self.best = max(self.best, kept[self.state_key]["best"])


class JsonLines(Logger):
    """Appends each set of logged values to a file as one JSON object a line.

    Args:
        path: the file, appended to.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def name(self) -> str:
        """The logger's name."""
        return "jsonl"

    @property
    def version(self) -> str:
        """There is one version."""
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append one line with the step, the Unix time and the values."""
        line = {"step": step, "time": round(time.time(), 1), **metrics}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    @rank_zero_only
    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """The recipe is saved beside the curves, not in them."""
