"""One training run: from a recipe to a folder with weights, curves and what made them."""

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
"""Fields of a recipe that may differ where a run is resumed."""

log = logging.getLogger(__name__)


def train(
    recipe: Recipe, folder: Path, max_seconds: float | None = None, resume: bool = True, progress: bool = True
) -> Path:
    """Train after a recipe, phase by phase where it has phases, or go on with a run that was cut off.

    Ctrl-C and SIGTERM end it after the step under way, with a checkpoint.

    Args:
        recipe: what to do.
        folder: of the run, see `train_once`; of phases, each has its own folder phase-N in it.
        max_seconds: end this slice after so long, in seconds, though not before its first step; the run can be
            resumed. A validation that is under way then is cut, and made up for when the run goes on.
        resume: go on from what the folder holds.
        progress: show a progress bar.

    Returns:
        The path of the newest `last.ckpt`.

    Raises:
        Interrupted: by Ctrl-C or SIGTERM.
        NotANumberError: if the loss is not finite, naming the step and the pictures.
        PsccnetError: if weights or pictures cannot be read, naming the file.
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
        of_phase = folder / f"phase-{number}"
        if not (resume and is_finished(chosen, of_phase)):
            if trained and limit.reached():
                break
            log.info("phase %d of %d", number, len(recipe.phases))
            train_once(chosen, of_phase, limit, resume, progress)
            trained = True
        last = of_phase / "last.ckpt"
        if not is_finished(chosen, of_phase):  # time is up
            break
    return last


def total_steps(recipe: Recipe) -> int:
    """How many optimiser steps a run without phases makes."""
    return recipe.epochs * recipe.steps_per_epoch(int(os.environ.get("WORLD_SIZE", 1)))


def is_finished(recipe: Recipe, folder: Path) -> bool:
    """Whether a run's checkpoint is that of its last step, and this is validated if it should be."""
    last = folder / "last.ckpt"
    if not last.is_file():
        return False
    steps: int = read_checkpoint(last)["global_step"]
    return steps >= total_steps(recipe) and not lacks_validation(recipe, folder, steps)


def lacks_validation(recipe: Recipe, folder: Path, steps: int) -> bool:
    """Whether the weights after so many steps should be validated and are not yet: the run was cut before."""
    epochs, rest = divmod(steps, total_steps(recipe) // recipe.epochs)
    return rest == 0 and epochs % recipe.validate_every == 0 and not is_validated(folder, steps)


def train_once(recipe: Recipe, folder: Path, limit: Limit, resume: bool = True, progress: bool = True) -> Path:
    """Train after a recipe without phases, or go on with a run that was cut off.

    Where it starts from weights, these are validated first, so that the gain shows.

    Args:
        recipe: what to do.
        folder: receives `recipe.yaml`, `provenance.json`, `curves.jsonl`, `tensorboard/`, `last.ckpt` and
            `best.ckpt`; made if missing. A slice that resumes at step N adds `provenance-N.json`.
        limit: when this slice ends; the run can be resumed.
        resume: go on from the folder's `last.ckpt` if there is one.
        progress: show a progress bar.

    Returns:
        The path of `last.ckpt`.

    Raises:
        NotANumberError: if the loss is not finite, naming the step and the pictures.
        PsccnetError: if weights or pictures cannot be read, naming the file, or if a run that is resumed was started
            with another recipe, naming the fields.
    """
    data = TrainingData(recipe)
    data.check_apart()
    make_folder(folder)
    keep_freed_memory()
    seed_everything(recipe.seed, workers=True, verbose=False)
    torch.set_float32_matmul_precision("high")
    # Saturated attention has gradients below 1e-38, which processors multiply a hundred times more slowly: on real
    # pictures they make a step 1.4 times as long. Threads inherit this, so it must come before the first of torch's.
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
        for name in (CURVES, "best.ckpt", "last.ckpt"):  # of another run
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
    checkpoints.share = 0.5 if unfinished else 1.0  # a slice makes a step at least, or a run would never go on
    with limit.listening(), redirect_stdout(sys.stderr), quiet():  # stderr: where Lightning's progress bar belongs
        try:
            if before is not None and lacks_validation(recipe, folder, steps):
                task.load_state_dict(before["state_dict"])  # the averaged weights, where the run averages
                task.validated_step = steps - 1
                checkpoints.of_last = True
                _validate(Trainer(**arguments), task, data, limit)
                task.validated_step = None
            elif before is None and recipe.init is not None:
                _validate(Trainer(**arguments), task, data, limit)
            if unfinished:
                Trainer(**arguments).fit(task, datamodule=data, ckpt_path=last if before else None, weights_only=True)
        except Stopped:
            log.info("stopped in the middle of a validation or a step; the weights before it are in %s", last)
        except SystemExit:  # Lightning's, where SIGTERM came before the trainer could be told
            if not limit.asked:
                raise
    if int(os.environ.get("RANK", 0)) == 0:
        log.info(gain(folder))
    return last


def _validate(trainer: Trainer, task: PSCCTask, data: TrainingData, limit: Limit) -> None:
    """Validate the weights that training goes on from."""
    try:
        trainer.validate(task, datamodule=data, verbose=False)
    except Stopped:
        if limit.reached():
            raise
        log.warning("validating the weights that training goes on from takes over half the time: left out")


def _started(recipe: Recipe, data: TrainingData) -> PSCCTask:
    """A task with the weights that the recipe starts from."""
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
    """Leave out what Lightning says of hardware, products and its own use of torch: it is nobody's progress."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Lightning 2.6.6 asks torch for the class of a tree's leaf, which torch 2.13 deprecates.
        warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
        # How many loader processes there are is the recipe's.
        warnings.filterwarnings("ignore", ".*does not have many workers", UserWarning)
        yield


def check_resumable(recipe: Recipe, folder: Path) -> None:
    """Refuse to go on with a run by another recipe: optimiser and schedule would still follow the old one.

    How long, where the files lie and how often something is written may change.

    Raises:
        InputError: naming the fields that differ.
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
            " start anew"
        )


def flat(fields: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested fields by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return found


def processes() -> dict[str, Any]:
    """The Trainer's arguments for the processes that torchrun started; none without it: Lightning then looks itself.

    Batch norm that learns has the statistics of its own process's pictures; frozen, the steps are those of one process
    with as many pictures.
    """
    world = int(os.environ.get("WORLD_SIZE", 1))
    if world == 1:
        return {}
    local = int(os.environ.get("LOCAL_WORLD_SIZE", world))
    return {"strategy": "ddp", "devices": local, "num_nodes": world // local}
