import logging
import shutil
from pathlib import Path

import pytest
import torch

from psccnet.network import Architecture
from psccnet.weights import Card, WeightsError, blob_id, identify, import_released, load_network, released_card, save
from psccnet.weights.released import BLOB_IDS, LAYOUT, released_name
from psccnet.weights.states import read_state

from .conftest import released_states, write_released


class Hostile:
    """A pickle that runs code when it is read without care."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("harm"),)  # type: ignore[return-value]


def test_every_released_key_finds_its_place(released_folder: Path) -> None:
    network = import_released(released_folder)
    assert (network.architecture, network.training) == (Architecture("released"), False)
    states = released_states()
    own = network.state_dict()
    assert len(own) == sum(map(len, states.values()))
    for key, value in own.items():
        part, name = released_name(key)
        assert torch.equal(value, states[part][f"module.{name}"])


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("top_down.stage2.0.branches.0.0.conv1.weight", ("HRNet", "stage2.0.branches.0.0.conv1.weight")),
        ("detection_head.classifier.2.bias", ("DetectionHead", "classifier.2.bias")),
        ("bottom_up.scale4.sccm.alpha_s", ("NLCDetection", "getmask4.gamma_s")),
        ("bottom_up.scale3.sccm.omega_c.bias", ("NLCDetection", "getmask3.W_c.bias")),
        ("bottom_up.scale2.sccm.theta.weight", ("NLCDetection", "getmask2.theta.weight")),
        ("bottom_up.scale1.mask_block.2.weight", ("NLCDetection", "getmask1.getmask.2.weight")),
    ],
)
def test_released_names(key: str, expected: tuple[str, str]) -> None:
    assert released_name(key) == expected


def test_flat_folder(released_folder: Path, tmp_path: Path) -> None:
    for inside in LAYOUT.values():
        shutil.copy(released_folder / inside, tmp_path)
    one, other = import_released(tmp_path).state_dict(), import_released(released_folder).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in other)


def test_load_and_save_of_a_released_folder(released_folder: Path, tmp_path: Path) -> None:
    network, card = load_network(released_folder)
    assert (card.name, card.architecture.variant, card.parameters) == ("released", "released", 3_667_942)
    assert save(network, tmp_path / "r.safetensors", card).sha256
    again = load_network(tmp_path / "r.safetensors")[0].state_dict()
    assert all(torch.equal(again[key], value) for key, value in network.state_dict().items())


def test_missing_unknown_and_misshapen_keys_are_named(tmp_path: Path) -> None:
    states = released_states()
    del states["NLCDetection"]["module.getmask4.gamma_s"]
    states["NLCDetection"]["module.getmask5.gamma_s"] = torch.zeros(1)
    states["NLCDetection"]["module.getmask3.g.bias"] = torch.zeros(2)
    write_released(tmp_path, states)
    with pytest.raises(WeightsError) as caught:
        import_released(tmp_path)
    message = str(caught.value)
    assert "NLCDetection.pth does not fit" in message
    assert "missing keys: getmask4.gamma_s" in message
    assert "unknown keys: getmask5.gamma_s" in message
    assert "getmask3.g.bias (2,) instead of (288,)" in message


def test_files_in_each_others_place_are_refused(tmp_path: Path) -> None:
    states = released_states()
    states["HRNet"], states["DetectionHead"] = states["DetectionHead"], states["HRNet"]
    write_released(tmp_path, states)
    with pytest.raises(WeightsError, match=r"HRNet\.pth does not fit .*and \d+ more"):
        import_released(tmp_path)


def test_missing_files_are_named(released_folder: Path, tmp_path: Path) -> None:
    shutil.copy(released_folder / LAYOUT["HRNet"], tmp_path)
    with pytest.raises(WeightsError, match=r"NLCDetection\.pth, .*DetectionHead\.pth"):
        import_released(tmp_path)
    with pytest.raises(WeightsError, match="not a folder"):
        import_released(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs", b"PK\x03\x04", b"\x80\x02}q\x00."])
def test_files_that_are_no_state_dict(released_folder: Path, tmp_path: Path, content: bytes) -> None:
    shutil.copytree(released_folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / LAYOUT["HRNet"]).write_bytes(content)
    with pytest.raises(WeightsError, match=r"HRNet\.pth"):
        import_released(tmp_path)


def test_a_state_dict_in_the_old_format_that_is_cut_off(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.ones(2)}, tmp_path / "whole.pth", _use_new_zipfile_serialization=False)
    whole = (tmp_path / "whole.pth").read_bytes()
    assert read_state(tmp_path / "whole.pth")["conv1.weight"].tolist() == [1, 1]
    for length in range(len(whole)):
        (tmp_path / "cut.pth").write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"cut\.pth is not a state dict"):
            read_state(tmp_path / "cut.pth")


def test_no_code_is_run(released_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(released_folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    torch.save({"conv1.weight": Hostile()}, LAYOUT["HRNet"])
    with pytest.raises(WeightsError, match="without running code"):
        import_released(tmp_path)
    assert not Path("harm").exists()


def test_blob_id_is_that_of_git(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert blob_id(path) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    path.write_bytes(b"test content\n")
    assert blob_id(path) == "d670460b4b4aece5915caf5c68d12f560a9fe3e4"


def test_other_weights_are_told_from_the_released_ones(
    released_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ids = {part: blob_id(released_folder / inside) for part, inside in LAYOUT.items()}
    monkeypatch.setattr("psccnet.weights.released.BLOB_IDS", ids | {"HRNet": BLOB_IDS["HRNet"]})
    assert identify(released_folder) == {"HRNet": released_folder / LAYOUT["HRNet"]}
    with caplog.at_level(logging.WARNING):
        import_released(released_folder)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "HRNet.pth is not the released HRNet.pth (its git blob id differs): its origin" in caplog.text
    card: Card = released_card(released_folder)
    assert "HRNet.pth" in card.notes
    assert not card.licence

    monkeypatch.setattr("psccnet.weights.released.BLOB_IDS", ids)
    assert identify(released_folder) == {}
    assert released_card(released_folder).licence == "MIT"
