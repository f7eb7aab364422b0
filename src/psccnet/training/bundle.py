"""From a checkpoint of a run to weights with a card."""

from pathlib import Path
from typing import Any

import yaml

from psccnet.network import PSCCNet
from psccnet.training.run import detection_of, read_checkpoint
from psccnet.weights import Card, save

GRID = 256
"""The fixed grid of shipped weights (Section IV-A.3), unless the card or the recipe names another."""


FILE_FIELDS = ("photographs", "objects", "init", "imagenet")


def without_folders(fields: dict[str, Any]) -> dict[str, Any]:
    """A recipe whose files are named without their folders, which are nobody else's."""
    plain: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, dict):
            plain[key] = without_folders(value)
        else:
            plain[key] = Path(value).name if key in FILE_FIELDS and isinstance(value, str) else value
    return plain


def bundle_checkpoint(checkpoint: Path, out: Path, card_file: Path | None = None, half: bool = True) -> Card:
    """Write a checkpoint's weights (the averaged ones where the run averages) as `.safetensors` with a card.

    Args:
        checkpoint: of a run whose folder also holds `recipe.yaml`.
        out: the file to write; its card goes beside it.
        card_file: YAML with fields of the card; what the run knows itself is filled in.
        half: store float16.

    Returns:
        The card as written.

    Raises:
        FileNotFoundError: if the checkpoint or the run's recipe is missing.
        ValueError: if it is no checkpoint, or the card file does not hold fields of a card.
        WeightsError: if the weights cannot be written.
    """
    contents = read_checkpoint(checkpoint)
    weights = contents["state_dict"]
    recipe: dict[str, Any] = yaml.safe_load((checkpoint.parent / "recipe.yaml").read_text())
    given = (yaml.safe_load(card_file.read_text()) if card_file else None) or {}
    if not isinstance(given, dict):
        raise ValueError(f"{card_file} must hold fields of a card and their values, not a {type(given).__name__}")
    fields = recipe["network"]
    network = PSCCNet(
        fields["variant"],
        fields["attention"],
        fields["shared_embedding"],
        grid=given.get("grid", fields.get("grid") or GRID),
        detection=detection_of(weights),
        stem=fields.get("stem", "full"),
    )
    prefix = "network."
    network.load_state_dict({k[len(prefix) :]: v for k, v in weights.items() if k.startswith(prefix)})
    steps = int(contents["global_step"])
    known: dict[str, Any] = {
        "name": recipe["name"],
        "recipe": without_folders(recipe),
        "steps": steps,
        "pictures": steps * recipe["data"]["batch_size"],
        "licence": "MIT",
    }
    return save(network, out, Card.model_validate(known | given), half=half)
