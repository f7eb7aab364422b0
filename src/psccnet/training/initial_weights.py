"""What a run starts from: the weights of another run, bundled ones, or ImageNet's."""

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
"""What the names of the detection head's weights begin with in the state of a task."""

log = logging.getLogger(__name__)


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
        log.info(initialise_from_imagenet(task.network, recipe.network.imagenet))
    if not state:
        return
    # What may be missing: all but what is taken, or what is of training alone.
    missing: tuple[str, ...] = ("",) if recipe.init_part == "top_down" else ("evidence.",)
    if recipe.init_part == "all" and detection_of(state) != task.network.architecture.detection:
        log.warning("%s has another kind of detection; the recipe's starts anew.", recipe.init)
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
    except Exception as error:  # which one, depends on the byte at which the file stops making sense
        raise WeightsError(f"{path} is no checkpoint of a run; name its last.ckpt or best.ckpt.") from error
    if not isinstance(contents, dict) or "state_dict" not in contents:
        raise WeightsError(f"{path} is no checkpoint of a run; name its last.ckpt or best.ckpt.")
    return contents
