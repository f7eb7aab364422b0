import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import psccnet.weights
from psccnet.errors import PsccnetError, WriteError
from psccnet.network import Architecture, PSCCNet
from psccnet.weights import Card, WeightsError, bundled, load_network, read_card, resolve, save, verify
from psccnet.weights.card import sha256 as sha256_of


def equal_states(one: PSCCNet, other: PSCCNet) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.fixture
def saved(network: PSCCNet, tmp_path: Path) -> Path:
    path = tmp_path / "first.safetensors"
    save(network, path, Card(name="first"))
    return path


def rewrite(path: Path, change: dict[str, torch.Tensor | None], metadata: dict[str, str] | None = None) -> None:
    """Change tensors of a weight file (None takes one away) and let its card agree."""
    tensors = {**load_file(path), **change}
    if metadata is None:
        card = read_card(path)
        metadata = {"architecture": json.dumps(asdict(card.architecture))}
    save_file({key: value for key, value in tensors.items() if value is not None}, path, metadata)
    card = read_card(path).model_copy(update={"sha256": sha256_of(path)})
    path.with_suffix(".json").write_text(card.model_dump_json())


def test_round_trip_in_float32_is_exact(network: PSCCNet, tmp_path: Path) -> None:
    card = Card(name="first", threshold=0.25, steps=7, scores={"casia1": {"pixel_auc": 0.5}}, recipe={"lr": 1e-4})
    written = save(network.train(), tmp_path / "first.safetensors", card)
    loaded, read = load_network(tmp_path / "first.safetensors")
    assert equal_states(network, loaded)
    assert not loaded.training
    assert network.training
    assert read == written
    assert (read.threshold, read.steps, read.scores, read.recipe) == (0.25, 7, card.scores, card.recipe)
    assert read.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert read.psccnet_version
    assert read.created.endswith("+00:00")
    assert read.sha256 == sha256_of(tmp_path / "first.safetensors")


def test_half_keeps_statistics_and_loads_as_float32(network: PSCCNet, tmp_path: Path) -> None:
    network.top_down.bn1.running_var.fill_(1e6)
    network.top_down.bn1.num_batches_tracked.fill_(70_001)
    save(network, tmp_path / "full.safetensors", Card(name="full"))
    save(network, tmp_path / "half.safetensors", Card(name="half"), half=True)
    stored = load_file(tmp_path / "half.safetensors")
    assert stored["top_down.conv1.weight"].dtype == torch.float16
    assert stored["top_down.bn1.running_var"].dtype == torch.float32
    assert stored["top_down.bn1.num_batches_tracked"].dtype == torch.int64
    loaded, _ = load_network(tmp_path / "half.safetensors")
    original = network.state_dict()
    for key, value in loaded.state_dict().items():
        assert value.dtype == original[key].dtype
        torch.testing.assert_close(value, original[key], rtol=1e-3, atol=1e-6)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.55 * sizes[1]


def test_channels_last_network_is_saved(network: PSCCNet, tmp_path: Path) -> None:
    save(network.to(memory_format=torch.channels_last), tmp_path / "n.safetensors", Card(name="n"))
    assert equal_states(network, load_network(tmp_path / "n.safetensors")[0])


@pytest.mark.parametrize(
    ("attention", "shared", "grid"), [("spatial", True, 128), ("none", True, 256), ("both", False, 64)]
)
def test_architecture_is_made_again(tmp_path: Path, attention: str, shared: bool, grid: int) -> None:
    architecture = Architecture("released", attention, shared, grid, "contrast", "unshuffled")  # type: ignore[arg-type]
    network = PSCCNet(architecture)
    # What the caller's card says of the architecture gives way to the network.
    save(network, tmp_path / "n.safetensors", Card(name="n", architecture=Architecture(attention="channel")))
    loaded, card = load_network(str(tmp_path / "n.safetensors"))
    assert loaded.architecture == card.architecture == architecture
    assert loaded.grid == grid
    assert equal_states(network, loaded)


@pytest.mark.parametrize("failing_call", [1, 2])
def test_failed_save_leaves_what_was_there(
    network: PSCCNet, tmp_path: Path, fill_disk: Callable[[int], None], failing_call: int
) -> None:
    fill_disk(failing_call)
    with pytest.raises(WriteError, match="No space left"):
        save(network, tmp_path / "new.safetensors", Card(name="new"))
    assert os.listdir(tmp_path) == []


def test_save_replaces_both_files(saved: Path) -> None:
    save(PSCCNet(Architecture(attention="none")), saved, Card(name="second"))
    assert load_network(saved)[1].name == "second"
    assert sorted(os.listdir(saved.parent)) == ["first.json", "first.safetensors"]


def test_values_that_are_not_finite_are_refused(network: PSCCNet, tmp_path: Path) -> None:
    with torch.no_grad():
        network.top_down.conv1.weight[0, 0, 0, 0] = 1e5  # more than float16 holds
    with pytest.raises(WeightsError, match=r"top_down\.conv1\.weight.*float16"):
        save(network, tmp_path / "n.safetensors", Card(name="n"), half=True)
    assert os.listdir(tmp_path) == []
    save(network, tmp_path / "n.safetensors", Card(name="n"))


@pytest.mark.parametrize(("name", "mend"), [("n.pth", r"\.safetensors"), ("no/n.safetensors", "folder")])
def test_wrong_paths_to_save_to(network: PSCCNet, tmp_path: Path, name: str, mend: str) -> None:
    with pytest.raises(WeightsError, match=mend):
        save(network, tmp_path / name, Card(name="n"))


def test_missing_card(saved: Path) -> None:
    saved.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match=r"first\.safetensors has no card: put first\.json beside it"):
        load_network(saved)


@pytest.mark.parametrize("text", ["", "[]", '{"name": "n", "colour": "red"}', '{"name": "n", "threshold": 2}'])
def test_card_that_is_none(saved: Path, text: str) -> None:
    saved.with_suffix(".json").write_text(text)
    with pytest.raises(WeightsError, match=r"first\.json is not a card"):
        verify(saved)


def test_changed_file_is_refused(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(WeightsError, match=r"first\.safetensors has sha256 .* copy the two files again"):
        load_network(saved)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\xff" * 64])
def test_file_that_is_not_safetensors(saved: Path, content: bytes) -> None:
    saved.write_bytes(content)
    card = read_card(saved).model_copy(update={"sha256": sha256_of(saved)})
    saved.with_suffix(".json").write_text(card.model_dump_json())
    with pytest.raises(WeightsError, match=r"first\.safetensors is not a safetensors file"):
        load_network(saved)


@pytest.mark.parametrize("name", ["first.json", "first.safetensors"])
def test_a_file_that_the_system_does_not_read(saved: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse(path: Path, *rest: object, **more: object) -> object:
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return opened(path, *rest, **more)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PsccnetError, match=rf"{name}:? cannot be read"):
        load_network(saved)


def test_safetensors_of_another_program(saved: Path) -> None:
    rewrite(saved, {}, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="does not say which network"):
        load_network(saved)


def test_missing_unknown_and_misshapen_keys_are_named(saved: Path) -> None:
    rewrite(
        saved,
        {
            "top_down.bn1.bias": None,
            "top_down.bn9.bias": torch.zeros(3),
            "top_down.bn2.bias": torch.zeros(3),
        },
    )
    with pytest.raises(WeightsError) as caught:
        load_network(saved)
    message = str(caught.value)
    assert "unknown keys: top_down.bn9.bias" in message
    assert "missing keys: top_down.bn1.bias" in message
    assert "top_down.bn2.bias (3,) instead of (64,)" in message
    assert "first.safetensors" in message


def test_card_of_another_architecture(saved: Path) -> None:
    card = json.loads(saved.with_suffix(".json").read_text())
    card["architecture"]["attention"] = "none"
    saved.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="correct the card"):
        load_network(saved)


def test_names_go_before_paths(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psccnet.weights.reading.bundled", lambda: {"default": saved})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default").mkdir()
    assert resolve("default") == saved
    assert resolve(Path("default")) == Path("default")
    with pytest.raises(WeightsError, match=r"nothing is neither a bundled name \(there are: default\)"):
        load_network("nothing")


def test_bundled_weights_are_whole() -> None:
    for name, path in bundled().items():
        assert verify(path).name == name


def test_exports() -> None:
    for name in psccnet.weights.__all__:
        assert getattr(psccnet.weights, name) is not None
    with pytest.raises(AttributeError, match="colour"):
        _ = psccnet.weights.colour
