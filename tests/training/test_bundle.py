from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from psccnet.errors import InputError
from psccnet.training.bundle import GRID, bundle_checkpoint, without_folders
from psccnet.training.recipe import Recipe
from psccnet.training.task import PSCCTask
from psccnet.weights import load_network, verify


@pytest.fixture
def run(recipe: Recipe, tmp_path: Path) -> Path:
    """The folder of a run, as far as bundling reads it."""
    folder = tmp_path / "run"
    folder.mkdir()
    fields = recipe.model_dump(mode="json")
    fields |= {"name": "small", "network": fields["network"] | {"attention": "spatial", "shared_embedding": False}}
    chosen = Recipe.model_validate(fields)
    torch.manual_seed(4)
    checkpoint = {"state_dict": PSCCTask(chosen).state_dict(), "global_step": 9}
    torch.save(checkpoint, folder / "last.ckpt")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(chosen.model_dump(mode="json")))
    return folder


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    state = torch.load(run / "last.ckpt", weights_only=False)["state_dict"]
    return {key.removeprefix("network."): value for key, value in state.items() if key.startswith("network.")}


def test_weights_are_those_of_the_checkpoint(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.safetensors"
    bundle_checkpoint(run / "last.ckpt", out, half=False)
    network, _ = load_network(out)
    assert (network.attention, network.shared_embedding, network.variant) == ("spatial", False, "paper")
    # What is trained on small crops is shipped for the paper's grid.
    assert network.grid == GRID == 256
    state = network.state_dict()
    expected = weights_of(run)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[key], value) for key, value in expected.items())


def test_half_is_the_default(run: Path, tmp_path: Path) -> None:
    bundle_checkpoint(run / "last.ckpt", tmp_path / "half.safetensors")
    stored = load_file(tmp_path / "half.safetensors")
    assert stored["top_down.conv1.weight"].dtype == torch.float16
    for key, value in weights_of(run).items():
        torch.testing.assert_close(stored[key].to(value.dtype), value, rtol=1e-3, atol=1e-6)


def test_the_card_says_what_the_run_knows(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.safetensors"
    card = bundle_checkpoint(run / "last.ckpt", out)
    assert verify(out) == card
    assert (card.name, card.steps, card.pictures, card.licence) == ("small", 9, 36, "MIT")
    assert card.recipe == without_folders(yaml.safe_load((run / "recipe.yaml").read_text()))
    assert (card.grid, card.attention, card.threshold) == (256, "spatial", 0.5)


def test_what_a_card_file_says_goes_before(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "card.yaml"
    fields = {"name": "mine", "threshold": 0.3, "pictures": 1000, "scores": {"casia1": {"pixel_auc": 0.6}}}
    file.write_text(yaml.safe_dump(fields))
    card = bundle_checkpoint(run / "last.ckpt", tmp_path / "w.safetensors", file)
    assert (card.name, card.threshold, card.pictures, card.steps) == ("mine", 0.3, 1000, 9)
    assert card.scores == {"casia1": {"pixel_auc": 0.6}}


def test_an_empty_card_file_changes_nothing(run: Path, tmp_path: Path) -> None:
    (tmp_path / "card.yaml").touch()
    assert bundle_checkpoint(run / "last.ckpt", tmp_path / "w.safetensors", tmp_path / "card.yaml").name == "small"


@pytest.mark.parametrize("text", ["colour: red", "threshold: 2", "grid: 100", "1: 2", "- a list"])
def test_card_files_that_are_none(run: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "card.yaml").write_text(text)
    with pytest.raises(InputError, match=r"card\.yaml (is not a card \(see: |must hold fields)"):
        bundle_checkpoint(run / "last.ckpt", tmp_path / "w.safetensors", tmp_path / "card.yaml")
    assert not list(tmp_path.glob("w.*"))


def test_missing_files(run: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*best\.ckpt"):
        bundle_checkpoint(run / "best.ckpt", tmp_path / "w.safetensors")
    with pytest.raises(FileNotFoundError, match=r"card\.yaml"):
        bundle_checkpoint(run / "last.ckpt", tmp_path / "w.safetensors", tmp_path / "card.yaml")
    (run / "recipe.yaml").unlink()
    with pytest.raises(FileNotFoundError, match=r"recipe\.yaml"):
        bundle_checkpoint(run / "last.ckpt", tmp_path / "w.safetensors")


def test_the_card_names_no_folders(run: Path, tmp_path: Path) -> None:
    card = bundle_checkpoint(run / "last.ckpt", tmp_path / "small.safetensors")
    photographs = yaml.safe_load((run / "recipe.yaml").read_text())["data"]["photographs"]
    assert card.recipe["data"]["photographs"] == Path(photographs).name
    assert str(tmp_path.parent) not in card.model_dump_json()
