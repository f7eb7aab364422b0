"""One training run: from a recipe to a folder with weights, curves and what made them."""

import json
import logging
import os
import pickle
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
import yaml
from pytorch_lightning import Callback, Trainer, seed_everything
from pytorch_lightning.callbacks import EMAWeightAveraging, LearningRateMonitor
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from psccnet.errors import InputError, MissingFileError, WeightsError
from psccnet.network.architecture import Detection
from psccnet.network.initialisation import initialise_attention, restart_colours
from psccnet.training.calibration import recalibrate_batch_norm
from psccnet.training.callbacks import Checkpoints, JsonLines
from psccnet.training.data import TrainingData
from psccnet.training.provenance import provenance
from psccnet.training.recipe import Recipe, read_recipe
from psccnet.training.task import PSCCTask

MAY_CHANGE = (
    "name",
    "init",
    "epochs",
    "validate_every",
    "checkpoint_minutes",
    "data.photographs",
    "data.objects",
    "data.workers",
)
"""Fields of a recipe that may differ where a run is resumed."""
HEAD = "network.detection_head."
"""What the names of the detection head's weights begin with in the state of a task."""


def train(
    recipe: Recipe, folder: Path, max_seconds: float | None = None, resume: bool = True, progress: bool = True
) -> Path:
    """Train after a recipe, phase by phase where it has phases, or go on with a run that was cut off.

    Args:
        recipe: what to do.
        folder: of the run, see `train_once`; of phases, each has its own folder phase-N in it.
        max_seconds: end this slice after so long, in seconds; the run can be resumed.
        resume: go on from what the folder holds.
        progress: show a progress bar.

    Returns:
        The path of the newest `last.ckpt`.

    Raises:
        NotANumberError: if the loss is not finite, naming the step and the pictures.
        PsccnetError: if weights or pictures cannot be read, naming the file.
    """
    if not recipe.phases:
        return train_once(recipe, folder, max_seconds, resume, progress)
    started = time.monotonic()
    last = folder
    for number in range(1, len(recipe.phases) + 1):
        chosen = recipe.phase(number)
        if number > 1:
            chosen = chosen.model_copy(update={"init": last})
        left = None if max_seconds is None else max_seconds - (time.monotonic() - started)
        last = folder / f"phase-{number}" / "last.ckpt"
        if not (resume and is_done(chosen, last)):
            print(f"psccnet: phase {number} of {len(recipe.phases)}", file=sys.stderr)
            train_once(chosen, last.parent, left, resume, progress)
        if not is_done(chosen, last):  # time is up
            break
    return last


def is_done(recipe: Recipe, last: Path) -> bool:
    """Whether a run's checkpoint is that of its last step."""
    if not last.is_file():
        return False
    steps: int = read_checkpoint(last)["global_step"]
    return steps >= recipe.epochs * recipe.steps_per_epoch(int(os.environ.get("WORLD_SIZE", 1)))


def train_once(
    recipe: Recipe, folder: Path, max_seconds: float | None = None, resume: bool = True, progress: bool = True
) -> Path:
    """Train after a recipe without phases, or go on with a run that was cut off.

    Where it starts from weights, these are validated first, so that the gain shows.

    Args:
        recipe: what to do.
        folder: receives `recipe.yaml`, `provenance.json`, `curves.jsonl`, `tensorboard/`, `last.ckpt` and
            `best.ckpt`; made if missing. A slice that resumes at step N adds `provenance-N.json`.
        max_seconds: end this slice after so long, in seconds; the run can be resumed.
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
    folder.mkdir(parents=True, exist_ok=True)
    # Lightning's remarks on hardware and products are nobody's progress.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    seed_everything(recipe.seed, workers=True, verbose=False)
    torch.set_float32_matmul_precision("high")
    # Saturated attention has gradients below 1e-38, which processors multiply a hundred times more slowly: on real
    # pictures they make a step 1.4 times as long. Threads inherit this, so it must come before the first of torch's.
    torch.set_flush_denormal(True)
    last = folder / "last.ckpt"
    resumed = last if resume and last.exists() else None
    slice_of = ""
    if resumed is not None:
        check_resumable(recipe, folder)
        contents = read_checkpoint(resumed)
        slice_of = f"-{contents['global_step']}"
        task = PSCCTask(recipe, detection_of(contents["state_dict"]))
    else:
        state = initial_state(recipe)
        task = PSCCTask(recipe, detection_of(state))
        load_initial_weights(task, recipe, state)
        if recipe.network.restart_attention:
            initialise_attention(task.network)
        if recipe.network.restart_colours:
            restart_colours(task.network)
        if recipe.network.recalibrate:
            recalibrate_batch_norm(task, data, recipe.network.recalibrate)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False))
    (folder / f"provenance{slice_of}.json").write_text(provenance(recipe))
    callbacks: list[Callback] = [LearningRateMonitor(logging_interval="step")]
    if recipe.ema_decay is not None:
        callbacks.append(EMAWeightAveraging(decay=recipe.ema_decay))
    callbacks.append(Checkpoints(folder, recipe.checkpoint_minutes, max_seconds))
    trainer = Trainer(
        **processes(),
        max_epochs=recipe.epochs,
        precision=recipe.precision,
        gradient_clip_val=recipe.optimizer.clip,
        callbacks=callbacks,
        logger=[
            TensorBoardLogger(folder, name="tensorboard", version=""),
            JsonLines(folder / "curves.jsonl"),
        ],
        log_every_n_steps=10,
        check_val_every_n_epoch=recipe.validate_every,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_progress_bar=progress,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    with redirect_stdout(sys.stderr):  # where Lightning's progress bar belongs
        if recipe.init is not None and resumed is None:
            trainer.validate(task, datamodule=data, verbose=False)
        trainer.fit(task, datamodule=data, ckpt_path=resumed, weights_only=True)
    if trainer.is_global_zero:
        print(gain(folder), file=sys.stderr)
    return last


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


def gain(folder: Path) -> str:
    """One line on what a run's validation said first (of its initial weights, where it has some) and at its best."""
    lines = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    scores = [line for line in lines if "val/score" in line]
    if not scores:
        return f"psccnet: no validation yet; weights so far in {folder / 'last.ckpt'}"
    first, best = scores[0], max(scores, key=lambda line: float(line["val/score"]))
    names = {"val/pixel_auc": "pixel AUC", "val/image_auc": "image AUC"}
    names |= {"val/real_pixel_auc": "real pixel AUC", "val/real_image_auc": "real image AUC"}
    if not (folder / "best.ckpt").is_file():
        last = folder / "last.ckpt"
        return f"psccnet: nothing was better than the weights at step {first['step']}; the last are in {last}"
    words = [f"{text} {first[name]:.3f} -> {best[name]:.3f}" for name, text in names.items() if name in first]
    return (
        f"psccnet: validation {', '.join(words)} (step {first['step']} -> {best['step']}); see {folder / 'best.ckpt'}"
    )


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


def initial_state(recipe: Recipe) -> dict[str, Tensor]:
    """What a run takes of the recipe's `init`, by the names of the task's state; empty where it names none."""
    from psccnet.weights import load_network

    if recipe.init is None:
        return {}
    if recipe.init.suffix == ".ckpt":
        state = read_checkpoint(recipe.init)["state_dict"]
    else:
        network, _ = load_network(os.fspath(recipe.init))
        state = {f"network.{name}": value for name, value in network.state_dict().items()}
    taken = "network.top_down." if recipe.init_part == "top_down" else ""
    return {name: value for name, value in state.items() if name.startswith(taken)}


def detection_of(state: dict[str, Tensor]) -> Detection:
    """The kind of detection of a task's state; the paper's where it has none."""
    return "contrast" if f"{HEAD}gain" in state else "head"


def load_initial_weights(task: PSCCTask, recipe: Recipe, state: dict[str, Tensor]) -> None:
    """Fill the network from `network.imagenet`, if the recipe names one, and from its `initial_state`."""
    from psccnet.weights import initialise_from_imagenet

    if recipe.network.imagenet is not None:
        print(initialise_from_imagenet(task.network, recipe.network.imagenet), file=sys.stderr)
    if not state:
        return
    # What may be missing: all but what is taken, or what is of training alone.
    missing: tuple[str, ...] = ("",) if recipe.init_part == "top_down" else ("evidence.",)
    if recipe.init_part == "all" and detection_of(state) != task.network.architecture.detection:
        print(f"{recipe.init} has another kind of detection; the recipe's starts anew.", file=sys.stderr)
        state = {name: value for name, value in state.items() if not name.startswith(HEAD)}
        missing += (HEAD,)
    own = {name: value for name, value in task.state_dict().items() if name.startswith(missing)}
    task.load_state_dict({**own, **state})


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's contents; its "state_dict" holds the averaged weights where the run averages.

    Raises:
        MissingFileError: if there is no such file.
        WeightsError: if it is no checkpoint.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no checkpoint {path}; name the last.ckpt or best.ckpt of a run.")
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise WeightsError(f"{path} is no checkpoint of a run; name its last.ckpt or best.ckpt.") from error
    if not isinstance(contents, dict) or "state_dict" not in contents:
        raise WeightsError(f"{path} is no checkpoint of a run; name its last.ckpt or best.ckpt.")
    return contents
