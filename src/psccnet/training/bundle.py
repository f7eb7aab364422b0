"""Turn a checkpoint of a run into weights with a card."""

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from psccnet.engine.convert import convert
from psccnet.errors import InputError, listed
from psccnet.network import PSCCNet
from psccnet.pictures.whole_files import read_yaml, write_whole
from psccnet.training.initial_weights import detection_of, read_checkpoint
from psccnet.training.recipe import read_recipe
from psccnet.training.threshold import calibrate, find_pictures
from psccnet.weights import Card, load_network, save
from psccnet.weights.card import bundled, card_path
from psccnet.weights.graph_file import write_graphs
from psccnet.weights.states import check_state

GRID = 256
"""Grid of bundled weights, in pixels of the picture's side (Section IV-A.3), unless the card or the recipe has one."""

NOT_CALIBRATED = f"The threshold is not calibrated; it is the default, {Card.model_fields['threshold'].default}."
FILE_FIELDS = ("photographs", "objects", "init", "imagenet")
SET_FIELDS = ("sets", "validation_sets")

log = logging.getLogger(__name__)


def without_folders(fields: dict[str, Any]) -> dict[str, Any]:
    """A recipe with the names of its files but without their folders, which are private."""
    plain: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, dict):
            plain[key] = without_folders(value)
        elif key in SET_FIELDS:
            plain[key] = [f"{name}{equals}{Path(folder).name}" for name, equals, folder in map(_split_set, value)]
        else:
            plain[key] = Path(value).name if key in FILE_FIELDS and isinstance(value, str) else value
    return plain


def _split_set(text: str) -> tuple[str, str, str]:
    """Split NAME=FOLDER into NAME, "=" and FOLDER; for the path of a listing, return "", "" and the path."""
    name, equals, folder = text.partition("=")
    return (name, equals, folder) if equals else ("", "", text)


def bundle_checkpoint(
    checkpoint: Path, out: Path, card_file: Path | None = None, half: bool = True, pictures: str | None = None
) -> Card:
    """Write a checkpoint's weights (averaged ones if the run averages) as `.safetensors` with a card and graphs.

    Args:
        checkpoint: of a run whose folder also holds `recipe.yaml`.
        out: the file to write; its card is written beside it.
        card_file: YAML with fields of the card; the fields that the run knows are filled in.
        half: store float16.
        pictures: to choose the threshold; see `psccnet.training.threshold.find_pictures`. Without them, and without a
            threshold in the card file, the card says that the threshold is not calibrated.

    Returns:
        The card as written.

    Raises:
        MissingFileError: if the checkpoint or the run's recipe is missing.
        InputError: if the card file does not hold fields of a card.
        WeightsError: if the file is not a checkpoint, or the weights cannot be written.
    """
    contents = read_checkpoint(checkpoint)
    weights = contents["state_dict"]
    recipe = read_recipe(checkpoint.parent / "recipe.yaml")
    card_fields = (read_yaml(card_file) if card_file else None) or {}
    if not isinstance(card_fields, dict):
        raise InputError(f"{card_file} must hold fields of a card and their values, not a {type(card_fields).__name__}")
    grid = {"grid": card_fields.pop("grid")} if "grid" in card_fields else {}
    try:
        Card.model_validate({"name": "of the recipe", "architecture": grid} | card_fields)
    except ValidationError as error:
        wrong = listed([".".join(map(str, fault["loc"])) for fault in error.errors()])
        raise InputError(f"{card_file} is not a card (see: {wrong}): correct it") from error
    network = PSCCNet(replace(recipe.network.architecture(GRID, detection_of(weights)), **grid))
    prefix = "network."
    state = {k[len(prefix) :]: v for k, v in weights.items() if k.startswith(prefix)}
    check_state(state, network.state_dict(), checkpoint, "put the recipe.yaml of its own run beside it")
    network.load_state_dict(state)
    steps = int(contents["global_step"])
    known: dict[str, Any] = {
        "name": name_of_run(recipe.name, checkpoint.resolve().parent),
        "recipe": without_folders(recipe.model_dump(mode="json")),
        "steps": steps,
        "pictures": steps * recipe.data.batch_size,
    }
    if pictures is None and "threshold" not in card_fields:
        card_fields["notes"] = noted(card_fields, NOT_CALIBRATED)
        log.warning("%s Give at least 20 pristine pictures: --calibrate FOLDER.", NOT_CALIBRATED)
    entries = find_pictures(pictures) if pictures is not None else []
    card = save(network, out, Card.model_validate(known | card_fields), half=half)
    write_graphs(convert(load_network(out)[0]), out, card)  # of the weights as stored, which may be float16
    if pictures is not None:
        found = calibrate(out, entries)
        log.info(str(found))
        card = card.model_copy(update={"threshold": found.threshold, "notes": noted(card_fields, str(found))})
        write_whole({card_path(out): (card.model_dump_json(indent=2) + "\n").encode()})
    return card


def name_of_run(recipe: str, folder: Path) -> str:
    """The recipe's name; the folder's if bundled weights already have the recipe's name."""
    if recipe not in bundled():
        return recipe
    return folder.parent.name if re.fullmatch(r"phase-\d+", folder.name) else folder.name


def noted(card_fields: dict[str, Any], sentence: str) -> str:
    """The notes of a card file with another sentence."""
    return f"{card_fields.get('notes', '')}\n{sentence}".strip()
