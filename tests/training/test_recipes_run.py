"""Every recipe that is shipped runs from end to end: each phase one step, on tiny data.

Pictures and grids are the smallest, and what they are in the recipe goes through the network without arithmetic.
"""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from psccnet.network import Architecture, PSCCNet
from psccnet.training import run as module
from psccnet.training.calibration import recalibrate_batch_norm
from psccnet.training.initial_weights import detection_of, initial_state, read_checkpoint
from psccnet.training.recipe import Recipe, read_recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
FINE_TUNING = [path for path in RECIPES if path.stem.startswith("finetune-")]
SIDE = {"full": 32, "unshuffled": 64}
"""Of the smallest pictures for the smallest grid, by the stem."""


@pytest.fixture(autouse=True)
def short_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics of batch norm from one batch."""
    monkeypatch.setattr(module, "recalibrate_batch_norm", lambda task, data, _: recalibrate_batch_norm(task, data, 1))


def phases(recipe: Recipe) -> list[Recipe]:
    """The runs of a recipe."""
    return [recipe.phase(number) for number in range(1, len(recipe.phases) + 1)] or [recipe]


def small(path: Path, data: dict[str, Any]) -> Recipe:
    """A shipped recipe of one epoch of the smallest pictures in every phase, with other data."""
    fields = yaml.safe_load(path.read_text())
    side = SIDE[read_recipe(path).network.stem]
    for part in (fields, *fields.get("phases", [])):
        geometry = {"size": side} | ({"validation_size": side} if "validation_size" in part.get("data", {}) else {})
        part["epochs"] = 1
        part["data"] = part.get("data", {}) | geometry | data
        if "grid" in part.get("network", {}):
            part["network"]["grid"] = 32
    return Recipe.model_validate(fields)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in RECIPES if path not in FINE_TUNING[1:]], ids=lambda path: path.stem)
def test_a_shipped_recipe_runs(path: Path, photographs: Path, listed_set: Path, tmp_path: Path) -> None:
    shipped = read_recipe(path)
    batch = 2 if any(phase.data.pairs for phase in phases(shipped)) else 1
    data: dict[str, Any] = {"photographs": photographs, "objects": None, "workers": 0, "validation_pictures": 2}
    data |= {"batch_size": batch, "pictures_per_epoch": batch}
    if shipped.data.sets:
        data["sets"] = [f"listing={listed_set}"]
    recipe = small(path, data)
    last = module.train(recipe, tmp_path / "run", progress=False)

    folders = sorted((tmp_path / "run").glob("phase-*")) or [tmp_path / "run"]
    assert len(folders) == max(1, len(shipped.phases))
    assert last == folders[-1] / "last.ckpt"
    for number, (folder, meant) in enumerate(zip(folders, phases(shipped), strict=True), start=1):
        used = read_recipe(folder / "recipe.yaml")
        assert used.network.model_copy(update={"grid": meant.network.grid}) == meant.network
        assert (used.optimizer, used.loss) == (meant.optimizer, meant.loss)
        assert used.data.synthesis == meant.data.synthesis
        assert read_checkpoint(folder / "last.ckpt")["global_step"] == 1
        scores = [
            json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines() if "val/score" in line
        ]
        assert [line["step"] for line in scores] == ([0, 0] if number > 1 or shipped.init else [0])
        assert all(0 <= line["val/score"] <= 1 for line in scores)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_pictures_of_the_sizes_of_a_recipe_fit_its_networks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # is not for the device without arithmetic
    recipe = read_recipe(path)
    networks: set[tuple[Architecture, int]] = set()
    for phase in phases(recipe):
        detection = detection_of(initial_state(phase)) if phase.init else "head"
        for side in (phase.data.size, phase.data.validation_size or phase.data.size):
            networks.add((phase.network.architecture(side, detection), side))
    for architecture, side in networks:
        with torch.device("meta"):
            masks, logits, _ = PSCCNet(architecture)(torch.empty(2, 3, side, side))
        assert logits.shape == (2, 2)
        sides = [architecture.grid >> scale for scale in range(4)]
        assert [tuple(mask.shape) for mask in masks] == [(2, 1, one, one) for one in sides]


def test_recipes_of_fine_tuning_differ_in_their_set_alone() -> None:
    """So that running the first of them tells of all."""

    def others(path: Path) -> dict[str, Any]:
        fields = read_recipe(path).model_dump()
        del fields["name"], fields["data"]["sets"], fields["data"]["pictures_per_epoch"]
        return fields

    assert len(FINE_TUNING) == 3
    assert all(others(path) == others(FINE_TUNING[0]) for path in FINE_TUNING)
