"""Checkpoints that can be cut off at any time."""

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

    Weights that the run starts from count, if they are validated first: what is worse than they is not the best.

    Files are written under a temporary name and renamed. Must stand after weight averaging in the list of
    callbacks: a checkpoint written before it lacks the average's update of its own step, for good.

    Lightning's own do not do. ModelCheckpoint writes at intervals and after validations, but not when a run stops and
    not before a validation that may be cut, and does not count weights that were validated before the first step. Timer
    goes on from the time in the checkpoint, so that a second slice would end at once, and does not cut validation.

    Args:
        folder: where they go.
        minutes: between two checkpoints.
        limit: of the run; when it is reached, no validation begins, and one that is under way is cut.
    """

    def __init__(self, folder: Path, minutes: float, limit: Limit | None = None) -> None:
        self.folder = folder
        self.seconds = minutes * 60
        self.limit = limit or Limit()
        self.saved = time.monotonic()
        self.best = float("-inf")
        self.of_last = False
        """Whether what is validated outside of training is last.ckpt."""
        self.share = 1.0
        """Of the time, that validation outside of training may take."""

    def save(self, trainer: Trainer, name: str) -> None:
        """Write a checkpoint whole or not at all.

        Raises:
            WriteError: if it cannot be written; what stood there before is then still there.
        """
        temporary = self.folder / f".{name}.writing"
        try:
            with writing(self.folder / name):
                trainer.save_checkpoint(temporary)
                if trainer.is_global_zero:
                    os.replace(temporary, self.folder / name)
        except WriteError:
            temporary.unlink(missing_ok=True)  # it takes the room that others need
            raise

    def on_train_start(self, *_: Any) -> None:
        """Listen to signals, which Lightning has taken over."""
        self.limit.listen()

    def on_validation_start(self, *_: Any) -> None:
        """Listen to signals, which Lightning has taken over."""
        self.limit.listen()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Save when it is time to, and stop when the slice is over."""
        now = time.monotonic()
        over, due = self.limit.reached(), now - self.saved > self.seconds
        if trainer.world_size > 1:  # clocks differ, and what one process does all must do
            over, due = trainer.strategy.broadcast((over, due))
        last = trainer.global_step >= trainer.estimated_stepping_batches
        if over or last or due or validates_next(trainer):
            self.save(trainer, "last.ckpt")
            self.saved = now
        if over:
            trainer.should_stop = True
            trainer.limit_val_batches = 0  # Lightning validates before it stops; this is for when the run goes on

    def on_validation_batch_start(self, trainer: Trainer, *_: Any) -> None:
        """Cut a validation when time is up; its weights are in last.ckpt."""
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
        """The best score so far, kept over slices."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best score of the slices before."""
        # What was validated after the checkpoint was written is known from the curves.
        self.best = max(self.best, state_dict["best"])


def validates_next(trainer: Trainer) -> bool:
    """Whether the step that was just done is followed by a validation."""
    every = trainer.check_val_every_n_epoch
    return bool(trainer.is_last_batch and every and (trainer.current_epoch + 1) % every == 0)
