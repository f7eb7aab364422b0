"""The initial weights of a run: those of another run, bundled ones, or ImageNet's."""

import logging
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from psccnet.errors import MissingFileError, WeightsError
from psccnet.network.architecture import Detection
from psccnet.training.recipe import Recipe
from psccnet.training.task import PSCCTask

HEAD = "network.detection_head."
"""Prefix of the names of the detection head's weights in a task's state."""

log = logging.getLogger(__name__)


def initial_state(recipe: Recipe) -> dict[str, Tensor]:
    """The weights that a run takes from the recipe's `init`, by name in the task's state; empty without `init`."""
    from psccnet.weights import load_network

    if recipe.init is None:
        return {}
    if recipe.init.suffix == ".ckpt":
        state = read_checkpoint(recipe.init)["state_dict"]
    else:
        network, _ = load_network(os.fspath(recipe.init))
        state = {f"network.{name}": value for name, value in network.state_dict().items()}
    prefix = "network.top_down." if recipe.init_part == "top_down" else ""
    return {name: value for name, value in state.items() if name.startswith(prefix)}


def detection_of(state: dict[str, Tensor]) -> Detection:
    """The detection head of a task's state; the paper's if it has none."""
    return "contrast" if f"{HEAD}gain" in state else "head"


def load_initial_weights(task: PSCCTask, recipe: Recipe, state: dict[str, Tensor]) -> None:
    """Fill the network from `network.imagenet`, if the recipe has it, and from `state`, the recipe's `initial_state`.

    Raises:
        WeightsError: if they belong to another network.
    """
    from psccnet.weights import initialise_from_imagenet
    from psccnet.weights.states import check_state

    if recipe.network.imagenet is not None:
        log.info(initialise_from_imagenet(task.network, recipe.network.imagenet))
    if not state:
        return
    # Prefixes of weights that `state` may lack: any, or those that exist only in training.
    missing: tuple[str, ...] = ("",) if recipe.init_part == "top_down" else ("evidence.",)
    if recipe.init_part == "all" and detection_of(state) != task.network.architecture.detection:
        log.warning("%s has another detection head; that of the recipe starts from random weights.", recipe.init)
        state = {name: value for name, value in state.items() if not name.startswith(HEAD)}
        missing += (HEAD,)
    own = {name: value for name, value in task.state_dict().items() if name.startswith(missing)}
    state = {**own, **state}
    check_state(state, task.state_dict(), recipe.init or Path(), "name weights of the recipe's network")
    task.load_state_dict(state)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; its "state_dict" holds the averaged weights if the run averages.

    Raises:
        MissingFileError: if there is no such file.
        WeightsError: if it is not a checkpoint.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no checkpoint {path}; give the last.ckpt or best.ckpt of a run.")
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds of exceptions for damaged or other files
        raise WeightsError(f"{path} is not a checkpoint of a run; give its last.ckpt or best.ckpt.") from error
    if not isinstance(contents, dict) or not {"state_dict", "global_step"} <= contents.keys():
        raise WeightsError(f"{path} is not a checkpoint of a run; give its last.ckpt or best.ckpt.")
    return contents
