import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from psccnet.datasets.listing import read_listing
from psccnet.experiments import ablation
from psccnet.experiments.ablation import VARIANTS, ablate, ablation_table
from psccnet.network import Architecture, PSCCNet
from psccnet.training.recipe import Recipe
from psccnet.weights import load_network, save
from psccnet.weights.card import Card

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytorch_lightning.utilities.warnings.PossibleUserWarning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
]


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """One epoch of one step, whose top-down path comes from a file."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        layers = [cv2.resize(rng.uniform(0, 255, (n, n, 3)).astype(np.float32), (48, 48)) for n in (4, 12, 32)]
        cv2.imwrite(str(folder / f"{i}.png"), (sum(layers) / 3).astype(np.uint8))
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file", "split"), *((f"{i}.png", "train" if i < 4 else "validation") for i in range(6))]
        )
    save(PSCCNet(Architecture(grid=32, stem="unshuffled")), tmp_path / "start.safetensors", Card(name="start"))
    return Recipe.model_validate(
        {
            "epochs": 1,
            "precision": "32-true",
            "init": tmp_path / "start.safetensors",
            "init_part": "top_down",
            "network": {"freeze": "top_down", "stem": "unshuffled", "grid": 32},
            "ablation": {"variants": ["PSCC-Net", "w/o CA+SA"], "seeds": [3, 4]},
            "data": {
                "photographs": folder,
                "size": 32,
                "batch_size": 4,
                "pictures_per_epoch": 4,
                "validation_pictures": 2,
                "workers": 0,
            },
        }
    )


@pytest.mark.slow
def test_variants_share_budget_and_top_down_path(
    recipe: Recipe, listed_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = {"set": read_listing(listed_set)}
    told: list[str] = []
    trained = list(ablate(recipe, sets, tmp_path / "out", told.append))
    assert [(one.variant, one.seed) for one in trained] == [
        ("PSCC-Net", 3),
        ("w/o CA+SA", 3),
        ("PSCC-Net", 4),
        ("w/o CA+SA", 4),
    ]
    assert told[1] == "w/o CA+SA, seed 3 (2 of 4)"
    start = load_network(tmp_path / "start.safetensors")[0].state_dict()
    for name, attention in (("pscc-net-3", "both"), ("w-o-ca-sa-3", "none")):
        network, card = load_network(tmp_path / "out" / name / "weights.safetensors")
        assert (card.architecture.attention, card.architecture.grid) == (attention, 32)
        assert (card.steps, card.pictures) == (1, 4)
        state = network.state_dict()
        assert all((state[key] == start[key]).all() for key in state if key.startswith("top_down."))
        assert not all((state[key] == start[key]).all() for key in state if key.startswith("detection_head."))
    table = ablation_table(trained, sets, "One step")
    assert [line[0] for line in table.rows] == ["PSCC-Net", "w/o CA+SA"]
    auc = table.rows[0][1]
    values = [one.scores["set", "pixel_auc"] for one in trained if one.variant == "PSCC-Net"]
    assert (auc.low, auc.high) == (min(values), max(values))
    assert auc.value == pytest.approx(sum(values) / 2)
    assert table.rows[0][-1].value == 1
    assert "One step. " in table.notes[0]

    def nothing(*_: object) -> None:
        raise AssertionError("what is there must not be trained again")

    monkeypatch.setattr(ablation, "train", nothing)
    again = list(ablate(recipe, sets, tmp_path / "out", told.append))
    assert [one.scores for one in again] == [one.scores for one in trained]
    with pytest.raises(ValueError, match="pscc-net-3 holds a run after another recipe"):
        next(ablate(recipe.model_copy(update={"epochs": 2}), sets, tmp_path / "out", told.append))


def test_each_variant_is_an_argument_of_the_network() -> None:
    counts = {
        name: sum(p.numel() for p in PSCCNet(Architecture(**changes)).parameters())
        for name, changes in VARIANTS.items()
    }
    assert counts["w/o CA+SA"] < min(counts["w/o SA"], counts["w/o CA"]) < counts["PSCC-Net"] < counts["w/o FS"]


def test_a_recipe_without_the_section(recipe: Recipe, tmp_path: Path) -> None:
    plain = recipe.model_copy(update={"ablation": None})
    with pytest.raises(ValueError, match="no section `ablation`"):
        next(ablate(plain, {}, tmp_path))
    with pytest.raises(ValueError, match="no phases"):
        next(ablate(recipe.model_copy(update={"phases": [{}]}), {}, tmp_path))
