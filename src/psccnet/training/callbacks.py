"""Checkpoints of runs that can be interrupted at any time."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from psccnet.errors import WriteError
from psccnet.pictures.whole_files import writing
from psccnet.training.stopping import Limit, Stopped


class Checkpoints(Callback):
    """Writes `last.ckpt` every few minutes, before each validation and when the run stops; `best.ckpt` by its score.

    If the initial weights are validated first, `best.ckpt` is only written for better weights than these.

    Files are written under a temporary name and renamed. In the list of callbacks, this one must come after weight
    averaging: a checkpoint that is written before it never gets the average's update of the same step.

    Lightning's own callbacks do not suffice. ModelCheckpoint writes at intervals and after validations, but not when a
    run stops, and not before a validation that may be stopped; it ignores weights that were validated before the first
    step. Timer continues from the time in the checkpoint, so that a second slice would end at once, and does not stop a
    validation.

    Args:
        folder: for the checkpoints.
        minutes: between two checkpoints.
        limit: of the run; when it is reached, no validation begins and a running one is stopped.
    """

    def __init__(self, folder: Path, minutes: float, limit: Limit | None = None) -> None:
        self.folder = folder
        self.seconds = minutes * 60
        self.limit = limit or Limit()
        self.saved = time.monotonic()
        self.best = float("-inf")
        self.of_last = False
        """Whether a validation outside of training is that of last.ckpt."""
        self.share = 1.0
        """Largest share of the time limit for a validation outside of training."""

    def save(self, trainer: Trainer, name: str) -> None:
        """Write a checkpoint completely or not at all.

        Raises:
            WriteError: if it cannot be written; the previous checkpoint is then kept.
        """
        temporary = self.folder / f".{name}.writing"
        try:
            with writing(self.folder / name):
                trainer.save_checkpoint(temporary)
                if trainer.is_global_zero:
                    os.replace(temporary, self.folder / name)
        except WriteError:
            temporary.unlink(missing_ok=True)  # free the space
            raise

    def on_train_start(self, *_: Any) -> None:
        """Listen to signals again: Lightning has replaced the handlers."""
        self.limit.listen()

    def on_validation_start(self, *_: Any) -> None:
        """Listen to signals again: Lightning has replaced the handlers."""
        self.limit.listen()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Save when it is due, and stop at the end of the slice."""
        now = time.monotonic()
        over, due = self.limit.reached(), now - self.saved > self.seconds
        if trainer.world_size > 1:  # clocks differ, but all processes must do the same
            over, due = trainer.strategy.broadcast((over, due))
        last = trainer.global_step >= trainer.estimated_stepping_batches
        if over or last or due or validates_next(trainer):
            self.save(trainer, "last.ckpt")
            self.saved = now
        if over:
            trainer.should_stop = True
            trainer.limit_val_batches = 0  # Lightning would validate before it stops; the resumed run does so instead

    def on_validation_batch_start(self, trainer: Trainer, *_: Any) -> None:
        """Stop a validation when time is up; its weights are in last.ckpt."""
        over = self.limit.reached(1.0 if trainer.state.fn == "fit" else self.share)
        if trainer.world_size > 1:
            over = trainer.strategy.broadcast(over)
        if over:
            raise Stopped

    def on_validation_end(self, trainer: Trainer, _module: LightningModule) -> None:
        """Keep the weights with the best validation score."""
        score = trainer.callback_metrics.get("val/score")
        if trainer.sanity_checking or score is None or float(score) <= self.best:
            return
        self.best = float(score)
        if trainer.state.fn == "fit":
            self.save(trainer, "best.ckpt")
        elif self.of_last and trainer.is_global_zero:
            temporary = self.folder / ".best.ckpt.writing"
            shutil.copyfile(self.folder / "last.ckpt", temporary)
            os.replace(temporary, self.folder / "best.ckpt")

    def state_dict(self) -> dict[str, Any]:
        """The best score so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue with the best score of earlier slices."""
        # The curves may know a better score, of a validation after the checkpoint.
        self.best = max(self.best, state_dict["best"])


def validates_next(trainer: Trainer) -> bool:
    """Whether a validation follows the step that was just done."""
    every = trainer.check_val_every_n_epoch
    return bool(trainer.is_last_batch and every and (trainer.current_epoch + 1) % every == 0)
