from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file

from psccnet.errors import InputError
from psccnet.pictures.decoding import PictureError, decode
from psccnet.training.bundle import GRID, NOT_CALIBRATED, bundle_checkpoint, without_folders
from psccnet.training.recipe import Recipe
from psccnet.training.task import PSCCTask
from psccnet.training.threshold import threshold_for
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


@pytest.fixture
def no_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs take seconds to make, and other tests look at them."""
    monkeypatch.setattr("psccnet.training.bundle.convert", lambda _network: {})


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    state = torch.load(run / "last.ckpt", weights_only=False)["state_dict"]
    return {key.removeprefix("network."): value for key, value in state.items() if key.startswith("network.")}


@pytest.mark.slow
def test_weights_are_those_of_the_checkpoint(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.safetensors"
    bundle_checkpoint(run / "last.ckpt", out, half=False)
    network, _ = load_network(out)
    made = network.architecture
    assert (made.attention, made.shared_embedding, made.variant) == ("spatial", False, "paper")
    # What is trained on small crops is shipped for the paper's grid.
    assert network.grid == GRID == 256
    state = network.state_dict()
    expected = weights_of(run)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[key], value) for key, value in expected.items())


@pytest.mark.usefixtures("no_graphs")
def test_half_is_the_default(run: Path, tmp_path: Path) -> None:
    bundle_checkpoint(run / "last.ckpt", tmp_path / "half.safetensors")
    stored = load_file(tmp_path / "half.safetensors")
    assert stored["top_down.conv1.weight"].dtype == torch.float16
    for key, value in weights_of(run).items():
        torch.testing.assert_close(stored[key].to(value.dtype), value, rtol=1e-3, atol=1e-6)


@pytest.mark.usefixtures("no_graphs")
def test_the_card_says_what_the_run_knows(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.safetensors"
    card = bundle_checkpoint(run / "last.ckpt", out)
    assert verify(out) == card
    assert (card.name, card.steps, card.pictures, card.licence) == ("small", 9, 36, "")
    assert card.recipe == without_folders(yaml.safe_load((run / "recipe.yaml").read_text()))
    made = card.architecture
    assert (made.grid, made.attention, card.threshold) == (256, "spatial", 0.5)


@pytest.mark.usefixtures("no_graphs")
def test_what_a_card_file_says_goes_before(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "card.yaml"
    fields = {"name": "mine", "threshold": 0.3, "pictures": 1000, "scores": {"casia1": {"pixel_auc": 0.6}}}
    file.write_text(yaml.safe_dump(fields))
    card = bundle_checkpoint(run / "last.ckpt", tmp_path / "w.safetensors", file)
    assert (card.name, card.threshold, card.pictures, card.steps) == ("mine", 0.3, 1000, 9)
    assert card.scores == {"casia1": {"pixel_auc": 0.6}}


@pytest.mark.usefixtures("no_graphs")
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


@pytest.mark.usefixtures("no_graphs")
def test_the_card_names_no_folders(run: Path, tmp_path: Path) -> None:
    card = bundle_checkpoint(run / "last.ckpt", tmp_path / "small.safetensors")
    photographs = yaml.safe_load((run / "recipe.yaml").read_text())["data"]["photographs"]
    assert card.recipe["data"]["photographs"] == Path(photographs).name
    assert str(tmp_path.parent) not in card.model_dump_json()


@pytest.mark.usefixtures("no_graphs")
@pytest.mark.parametrize(
    ("recipe_name", "below", "name"),
    [("small", "run", "small"), ("default", "run", "run"), ("default", "run/phase-2", "run")],
)
def test_weights_are_named_after_their_run(run: Path, tmp_path: Path, recipe_name: str, below: str, name: str) -> None:
    folder = tmp_path / below
    folder.mkdir(exist_ok=True)
    fields = yaml.safe_load((run / "recipe.yaml").read_text()) | {"name": recipe_name}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(fields))
    (folder / "w.ckpt").write_bytes((run / "last.ckpt").read_bytes())
    assert bundle_checkpoint(folder / "w.ckpt", tmp_path / "w.safetensors").name == name


@pytest.mark.usefixtures("no_graphs")
def test_a_card_says_that_its_threshold_is_none(run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "card.yaml"
    file.write_text("notes: Trained for fun.")
    card = bundle_checkpoint(run / "last.ckpt", tmp_path / "w.safetensors", file)
    assert card.notes.splitlines() == ["Trained for fun.", NOT_CALIBRATED]
    assert "--calibrate FOLDER" in caplog.text
    file.write_text("threshold: 0.3")
    assert bundle_checkpoint(run / "last.ckpt", tmp_path / "w.safetensors", file).notes == ""


@pytest.mark.usefixtures("no_graphs")
def test_a_threshold_is_chosen_by_pictures(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    untouched = tmp_path / "untouched"
    untouched.mkdir()
    for number in range(21):
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(untouched / f"{number:02}.png")
    (untouched / "99.png").write_bytes(b"no picture")
    asked: list[str] = []

    class Detector:
        def detect_many(self, pictures: Iterable[str], failed: Callable[..., None]) -> Iterator[Any]:
            for picture in pictures:
                try:
                    yield SimpleNamespace(score=float(decode(picture).pixels.max()) / 100)
                except PictureError as error:
                    failed(picture, error)

    def load_detector(weights: str) -> Detector:
        asked.append(weights)
        return Detector()

    monkeypatch.setattr("psccnet.training.threshold.load_detector", load_detector)
    out = tmp_path / "w.safetensors"
    card = bundle_checkpoint(run / "last.ckpt", out, pictures=str(untouched))
    assert card.threshold == pytest.approx(0.195)  # scores are 0 to 0.2, and one in twenty may reach it
    assert card.notes == "The threshold 0.195 calls 1 of the 21 pristine pictures forged that it was chosen with."
    assert asked == [str(out)]
    assert verify(out) == card
    for path in sorted(untouched.iterdir())[4:]:
        path.unlink()
    with pytest.raises(ValueError, match="has 4 pristine pictures; a threshold needs at least 20"):
        bundle_checkpoint(run / "last.ckpt", tmp_path / "other.safetensors", pictures=str(untouched))
    assert not (tmp_path / "other.safetensors").exists()


def test_the_threshold_lets_one_in_twenty_pass() -> None:
    scores = np.random.default_rng(2).random(200)
    threshold = threshold_for(scores)
    assert (scores >= threshold).sum() == 10
    assert threshold_for([0.3] * 40) == pytest.approx(0.65)  # ties cannot be told apart: none may pass
    assert threshold_for([0.3] * 38 + [0.5] * 2) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="there is no threshold"):
        threshold_for([1.0] * 40)


def test_sets_are_named_without_their_folders() -> None:
    fields = {"data": {"sets": ["casia2/train=/home/me/CASIA2"], "validation_sets": ["/home/me/validation/index.csv"]}}
    assert without_folders(fields) == {"data": {"sets": ["casia2/train=CASIA2"], "validation_sets": ["index.csv"]}}
