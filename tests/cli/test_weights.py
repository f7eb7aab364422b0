import json
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from psccnet.weights import Card, bundled, load_network, read_card
from psccnet.weights.calibration import RATES

from ..conftest import texture
from ..weights.conftest import released_states, write_released
from .conftest import Run


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    write_released(folder, released_states())
    return folder


def test_list(psccnet: Run, weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("psccnet.cli.weights"), "bundled", lambda: {"test": weights_file})
    done = psccnet("weights", "list")
    assert (done.status, done.err) == (0, "")
    name, date, parameters, *_ = done.out.split()
    card = read_card(weights_file)
    assert (name, date, parameters) == ("test", card.created[:10], f"{card.parameters:,}")


def test_show(psccnet: Run, weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_path = psccnet("weights", "show", weights_file)
    assert (by_path.status, by_path.err) == (0, "")
    for part in ("test\n", "grid 64", "0.5 (a higher or equal score is called forged)", read_card(weights_file).sha256):
        assert part in by_path.out
    monkeypatch.setattr("psccnet.weights.reading.bundled", lambda: {"mine": weights_file})
    assert psccnet("weights", "show", "mine") == by_path


def test_verify(psccnet: Run, weights_file: Path, tmp_path: Path) -> None:
    assert psccnet("weights", "verify", weights_file) == (0, f"{weights_file}: intact, test\n", "")
    for suffix in (".safetensors", ".json"):
        (tmp_path / f"copy{suffix}").write_bytes(weights_file.with_suffix(suffix).read_bytes())
    with (tmp_path / "copy.safetensors").open("ab") as file:
        file.write(b"!")
    done = psccnet("weights", "verify", tmp_path / "copy.safetensors")
    assert (done.status, done.out) == (2, "")
    assert "copy.safetensors has sha256" in done.err


@pytest.mark.parametrize("verb", ["show", "verify"])
def test_unknown_weights(psccnet: Run, verb: str) -> None:
    done = psccnet("weights", verb, "nowhere")
    names = ", ".join(bundled())
    message = f"nowhere is neither a bundled name (there are: {names}) nor a file or folder: check the name"
    assert done == (2, "", f"psccnet: {message}\n")


def test_a_folder_without_a_card(psccnet: Run, released: Path) -> None:
    done = psccnet("weights", "show", released)
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"psccnet: {released} is a folder, which has no card: psccnet weights import makes a file with one\n"
    )


@pytest.mark.slow
def test_import(psccnet: Run, released: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "released.safetensors"
    done = psccnet("weights", "import", released, "--out", out)
    assert (done.status, done.out) == (0, f"{out}: 3,667,942 parameters\n")
    warnings = done.err.splitlines()
    assert len(warnings) == 3
    for warning, part in zip(warnings, ("HRNet", "NLCDetection", "DetectionHead"), strict=True):
        assert f"{part}.pth is not the released {part}.pth (its git blob id differs): its origin" in warning
    network, card = load_network(out)
    assert (network.architecture.variant, card.name) == ("released", "released")
    assert psccnet("weights", "verify", out).status == 0


def test_verify_says_which_released_files_are_others(psccnet: Run, released: Path) -> None:
    done = psccnet("weights", "verify", released)
    assert (done.status, done.out) == (2, "")
    for name in ("HRNet.pth", "NLCDetection.pth", "DetectionHead.pth"):
        assert name in done.err


def test_import_of_what_is_not_there(psccnet: Run, tmp_path: Path) -> None:
    done = psccnet("weights", "import", tmp_path, "--out", tmp_path / "w.safetensors")
    assert (done.status, done.out) == (2, "")
    assert "lacks checkpoint/HRNet_checkpoint/HRNet.pth" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_calibrate_writes_the_card(psccnet: Run, weights_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "untouched"
    folder.mkdir()
    for number in range(40):
        Image.fromarray(texture(number, 32, 40)).save(folder / f"{number}.png")
    done = psccnet("weights", "calibrate", folder, "--weights", weights_file, "--out", tmp_path / "card.json")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"calibrated by untouched pictures: 40 small\n{tmp_path / 'card.json'}\n"
    card = Card.model_validate_json((tmp_path / "card.json").read_text())
    assert card.calibration is not None
    assert len(card.calibration.scores["small"]) == len(RATES)


@pytest.mark.slow
def test_calibrate_masks_writes_the_card(psccnet: Run, weights_file: Path, listed_set: Path, tmp_path: Path) -> None:
    index = listed_set / "index.csv"
    head, *rows = index.read_text().splitlines()
    forged = [row for row in rows if "pristine" not in row]
    few = psccnet("weights", "calibrate", "--forged", listed_set, "--weights", weights_file)
    assert few == (2, "", "psccnet: 4 forged pictures can be used; masks need 20 at least.\n")
    for number in range(5):
        for row in forged:
            of, name, *rest = row.split(",")
            (listed_set / f"{number}-{name}").write_bytes((listed_set / name).read_bytes())
            rows.append(",".join([of, f"{number}-{name}", *rest]))
    index.write_text("\n".join([head, *rows]) + "\n")
    done = psccnet(
        "weights", "calibrate", "--forged", listed_set, "--weights", weights_file, "--out", tmp_path / "c.json"
    )
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("masks calibrated by 24 forged pictures (set): 0.")
    learnt = Card.model_validate_json((tmp_path / "c.json").read_text()).mask_calibration
    assert learnt is not None
    assert learnt.f1 >= learnt.f1_before
    nothing = psccnet("weights", "calibrate")
    assert nothing[0] == 2
    assert "give a folder of untouched photographs, or --forged" in nothing.err


def test_card(psccnet: Run, weights_file: Path) -> None:
    done = psccnet("weights", "card", weights_file)
    assert done.status == 0
    assert json.loads(done.out)["sha256"]
    assert psccnet("weights", "card", weights_file, "--markdown").out.startswith("---\nlicense: ")
    assert psccnet("weights", "card", weights_file, "--table").out.startswith("| pictures | ")
    both = psccnet("weights", "card", weights_file, "--table", "--markdown")
    assert both.status == 2
    assert "choose one" in both.err
