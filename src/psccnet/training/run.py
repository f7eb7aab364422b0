"""A training run: from a recipe to a folder with weights, curves and their provenance."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import torch
import yaml
from pytorch_lightning import Callback, Trainer, seed_everything
from pytorch_lightning.callbacks import EMAWeightAveraging, LearningRateMonitor
from pytorch_lightning.loggers import TensorBoardLogger

from psccnet.errors import InputError
from psccnet.network.initialisation import initialise_attention, restart_colours
from psccnet.pictures.whole_files import make_folder, write_whole
from psccnet.training.calibration import recalibrate_batch_norm
from psccnet.training.callbacks import Checkpoints
from psccnet.training.curves import NAME as CURVES
from psccnet.training.curves import JsonLines, cut_curves, gain, is_validated, read_curves
from psccnet.training.data import TrainingData
from psccnet.training.initial_weights import detection_of, initial_state, load_initial_weights, read_checkpoint
from psccnet.training.processor import chosen_precision, keep_freed_memory
from psccnet.training.provenance import provenance
from psccnet.training.recipe import Recipe, read_recipe
from psccnet.training.stopping import Interrupted, Limit, Stopped
from psccnet.training.task import PSCCTask

MAY_CHANGE = (
    "name",
    "init",
    "epochs",
    "precision",
    "validate_every",
    "checkpoint_minutes",
    "data.photographs",
    "data.objects",
    "data.workers",
)
"""Fields of a recipe that may change when a run is resumed."""

log = logging.getLogger(__name__)


def train(
    recipe: Recipe, folder: Path, max_seconds: float | None = None, resume: bool = True, progress: bool = True
) -> Path:
    """Train from a recipe, phase by phase if it has phases, or resume an interrupted run.

    Ctrl-C and SIGTERM stop it after the current step, with a checkpoint.

    Args:
        recipe: of the run.
        folder: of the run, see `train_once`; with phases, each has its own folder phase-N in it.
        max_seconds: stop after this time, but not before the first step; the run can be resumed. A validation that is
            running then is stopped, and repeated when the run is resumed.
        resume: resume the run in the folder, if there is one.
        progress: show a progress bar.

    Returns:
        The path of the newest `last.ckpt`.

    Raises:
        Interrupted: by Ctrl-C or SIGTERM.
        NotANumberError: if the loss is not finite; the message names the step and the pictures.
        PsccnetError: if weights or pictures cannot be read; the message names the file.
    """
    limit = Limit(max_seconds)
    if recipe.phases:
        last = _train_phases(recipe, folder, limit, resume, progress)
    else:
        last = train_once(recipe, folder, limit, resume, progress)
    if limit.asked:
        raise Interrupted(folder, last)
    return last


def _train_phases(recipe: Recipe, folder: Path, limit: Limit, resume: bool, progress: bool) -> Path:
    last, trained = folder, False
    for number in range(1, len(recipe.phases) + 1):
        chosen = recipe.phase(number)
        if number > 1:
            chosen = chosen.model_copy(update={"init": last})
        phase_folder = folder / f"phase-{number}"
        if not (resume and is_finished(chosen, phase_folder)):
            if trained and limit.reached():
                break
            log.info("phase %d of %d", number, len(recipe.phases))
            train_once(chosen, phase_folder, limit, resume, progress)
            trained = True
        last = phase_folder / "last.ckpt"
        if not is_finished(chosen, phase_folder):  # time is up
            break
    return last


def total_steps(recipe: Recipe) -> int:
    """The number of optimiser steps of a run without phases."""
    return recipe.epochs * recipe.steps_per_epoch(int(os.environ.get("WORLD_SIZE", 1)))


def is_finished(recipe: Recipe, folder: Path) -> bool:
    """Whether a run's checkpoint is that of its last step, and validated if it should be."""
    last = folder / "last.ckpt"
    if not last.is_file():
        return False
    steps: int = read_checkpoint(last)["global_step"]
    return steps >= total_steps(recipe) and not lacks_validation(recipe, folder, steps)


def lacks_validation(recipe: Recipe, folder: Path, steps: int) -> bool:
    """Whether the weights after `steps` steps should have been validated but the run was interrupted before."""
    epochs, rest = divmod(steps, total_steps(recipe) // recipe.epochs)
    return rest == 0 and epochs % recipe.validate_every == 0 and not is_validated(folder, steps)


def train_once(recipe: Recipe, folder: Path, limit: Limit, resume: bool = True, progress: bool = True) -> Path:
    """Train from a recipe without phases, or resume an interrupted run.

    Initial weights from `init` are validated first, to show the gain.

    Args:
        recipe: of the run.
        folder: for `recipe.yaml`, `provenance.json`, `curves.jsonl`, `tensorboard/`, `last.ckpt` and `best.ckpt`; made
            if missing. A run that is resumed at step N adds `provenance-N.json`.
        limit: when to stop; the run can be resumed.
        resume: resume from the folder's `last.ckpt` if there is one.
        progress: show a progress bar.

    Returns:
        The path of `last.ckpt`.

    Raises:
        NotANumberError: if the loss is not finite; the message names the step and the pictures.
        PsccnetError: if weights or pictures cannot be read, or if the run to resume has another recipe; the message
            names the file or the fields.
    """
    data = TrainingData(recipe)
    data.check_apart()
    make_folder(folder)
    keep_freed_memory()
    seed_everything(recipe.seed, workers=True, verbose=False)
    torch.set_float32_matmul_precision("high")
    # Saturated attention has gradients below 1e-38 (denormals), which processors multiply a hundred times more slowly:
    # on real pictures, a step takes 1.4 times as long. Threads inherit the setting, so set it before torch starts any.
    torch.set_flush_denormal(True)
    last = folder / "last.ckpt"
    checkpoints = Checkpoints(folder, recipe.checkpoint_minutes, limit)
    before: dict[str, Any] | None = None
    steps = 0
    if resume and last.exists():
        check_resumable(recipe, folder)
        before = read_checkpoint(last)
        steps = before["global_step"]
        cut_curves(folder, steps)
        scores = [line["val/score"] for line in read_curves(folder) if "val/score" in line]
        checkpoints.best = max(scores, default=checkpoints.best)
        task = PSCCTask(recipe, detection_of(before["state_dict"]))
    else:
        task = _started(recipe, data)
        for name in (CURVES, "best.ckpt", "last.ckpt"):  # of an earlier run
            (folder / name).unlink(missing_ok=True)
    facts = {
        folder / "recipe.yaml": yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False).encode(),
        folder / f"provenance{f'-{steps}' if before else ''}.json": provenance(recipe).encode(),
    }
    write_whole(facts)
    callbacks: list[Callback] = [LearningRateMonitor(logging_interval="step")]
    if recipe.ema_decay is not None:
        callbacks.append(EMAWeightAveraging(decay=recipe.ema_decay))
    callbacks.append(checkpoints)
    loggers = [
        TensorBoardLogger(folder, name="tensorboard", version="", purge_step=steps if before else None),
        JsonLines(folder / CURVES),
    ]
    arguments: dict[str, Any] = {
        **processes(),
        "max_epochs": recipe.epochs,
        "precision": chosen_precision(recipe.precision),
        "gradient_clip_val": recipe.optimizer.clip,
        "callbacks": callbacks,
        "logger": loggers,
        "log_every_n_steps": min(10, data.steps_per_epoch),
        "check_val_every_n_epoch": recipe.validate_every,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
        "enable_checkpointing": False,
        "enable_progress_bar": progress,
        "enable_model_summary": False,
        "default_root_dir": folder,
    }
    unfinished = steps < total_steps(recipe)
    checkpoints.share = 0.5 if unfinished else 1.0  # leave time for a step, or the run would never progress
    with limit.listening(), redirect_stdout(sys.stderr), quiet():  # Lightning's progress bar belongs on stderr
        try:
            if before is not None and lacks_validation(recipe, folder, steps):
                task.load_state_dict(before["state_dict"])  # the averaged weights, if the run averages
                task.validated_step = steps - 1
                checkpoints.of_last = True
                _validate(Trainer(**arguments), task, data, limit)
                task.validated_step = None
            elif before is None and recipe.init is not None:
                _validate(Trainer(**arguments), task, data, limit)
            if unfinished:
                Trainer(**arguments).fit(task, datamodule=data, ckpt_path=last if before else None, weights_only=True)
        except Stopped:
            log.info("stopped during a validation or a step; the weights from before are in %s", last)
        except SystemExit:  # from Lightning, if SIGTERM came before our handler was set
            if not limit.asked:
                raise
    if int(os.environ.get("RANK", 0)) == 0:
        log.info(gain(folder))
    return last


def _validate(trainer: Trainer, task: PSCCTask, data: TrainingData, limit: Limit) -> None:
    """Validate the weights that training starts from."""
    try:
        trainer.validate(task, datamodule=data, verbose=False)
    except Stopped:
        if limit.reached():
            raise
        log.warning("validating the initial weights takes over half of the time limit: skipped")


def _started(recipe: Recipe, data: TrainingData) -> PSCCTask:
    """A task with the recipe's initial weights."""
    state = initial_state(recipe)
    task = PSCCTask(recipe, detection_of(state))
    load_initial_weights(task, recipe, state)
    if recipe.network.restart_attention:
        initialise_attention(task.network)
    if recipe.network.restart_colours:
        restart_colours(task.network)
    if recipe.network.recalibrate:
        recalibrate_batch_norm(task, data, recipe.network.recalibrate)
    return task


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Lightning's messages on hardware, products and its own use of torch."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Lightning 2.6.6 uses LeafSpec, which torch 2.13 deprecates.
        warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
        # The recipe sets the number of loader processes.
        warnings.filterwarnings("ignore", ".*does not have many workers", UserWarning)
        yield


def check_resumable(recipe: Recipe, folder: Path) -> None:
    """Refuse to resume a run with another recipe, since optimiser and schedule would still follow the old one.

    Fields in `MAY_CHANGE` may differ: duration, paths and intervals.

    Raises:
        InputError: if other fields differ; the message names them.
    """
    path = folder / "recipe.yaml"
    if not path.is_file():
        return
    before, now = flat(read_recipe(path).model_dump(mode="json")), flat(recipe.model_dump(mode="json"))
    differing = [
        f"{name} {before.get(name)}, now {now.get(name)}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name) and name not in MAY_CHANGE
    ]
    if differing:
        raise InputError(
            f"{folder} was started with another recipe ({'; '.join(differing)}): give another --out, or --no-resume to"
            " start again"
        )


def flat(fields: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested fields by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return found


def processes() -> dict[str, Any]:
    """Arguments of the Trainer for the processes that torchrun started; empty without torchrun.

    In training, batch norm uses the statistics of the pictures of its own process. With frozen batch norm, steps are
    the same as those of a single process with the same pictures.
    """
    world = int(os.environ.get("WORLD_SIZE", 1))
    if world == 1:
        return {}
    local = int(os.environ.get("LOCAL_WORLD_SIZE", world))
    return {"strategy": "ddp", "devices": local, "num_nodes": world // local}
