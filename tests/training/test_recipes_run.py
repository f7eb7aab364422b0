"""Every recipe that is shipped runs from end to end: each phase with its own geometry, one step each, on tiny data."""

import json
from pathlib import Path
from typing import Any

import pytest

from psccnet.training import run as module
from psccnet.training.calibration import recalibrate_batch_norm
from psccnet.training.initial_weights import read_checkpoint
from psccnet.training.recipe import read_recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
FINE_TUNING = [path for path in RECIPES if path.stem.startswith("finetune-")]


@pytest.fixture(autouse=True)
def short_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics of batch norm from one batch."""
    monkeypatch.setattr(module, "recalibrate_batch_norm", lambda task, data, _: recalibrate_batch_norm(task, data, 1))


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in RECIPES if path not in FINE_TUNING[1:]], ids=lambda path: path.stem)
def test_a_shipped_recipe_runs(path: Path, photographs: Path, listed_set: Path, tmp_path: Path) -> None:
    shipped = read_recipe(path)
    batch = 2 if shipped.data.pairs or any(one["data"].get("pairs") for one in shipped.phases) else 1
    data: dict[str, Any] = {"photographs": photographs, "objects": None, "workers": 0, "validation_pictures": 2}
    data |= {"batch_size": batch, "pictures_per_epoch": batch}
    if shipped.data.sets:
        data["sets"] = [f"listing={listed_set}"]
    recipe = read_recipe(path, {"epochs": 1, "data": data})
    last = module.train(recipe, tmp_path / "run", progress=False)

    folders = sorted((tmp_path / "run").glob("phase-*")) or [tmp_path / "run"]
    assert len(folders) == max(1, len(shipped.phases))
    assert last == folders[-1] / "last.ckpt"
    for number, folder in enumerate(folders, start=1):
        used, meant = read_recipe(folder / "recipe.yaml"), shipped.phase(number) if shipped.phases else shipped
        assert (used.data.size, used.data.validation_size) == (meant.data.size, meant.data.validation_size)
        assert used.network == meant.network
        assert read_checkpoint(folder / "last.ckpt")["global_step"] == 1
        scores = [
            json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines() if "val/score" in line
        ]
        assert [line["step"] for line in scores] == ([0, 0] if number > 1 or shipped.init else [0])
        assert all(0 <= line["val/score"] <= 1 for line in scores)


def test_recipes_of_fine_tuning_differ_in_their_set_alone() -> None:
    """So that running the first of them tells of all."""

    def others(path: Path) -> dict[str, Any]:
        fields = read_recipe(path).model_dump()
        del fields["name"], fields["data"]["sets"], fields["data"]["pictures_per_epoch"]
        return fields

    assert len(FINE_TUNING) == 3
    assert all(others(path) == others(FINE_TUNING[0]) for path in FINE_TUNING)
