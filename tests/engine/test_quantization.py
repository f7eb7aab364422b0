"""Quantized weights are a folder that works like other weights, and says what it costs."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import psccnet
from psccnet.cli.weights import show, verify
from psccnet.engine.export import _WRITERS, Run, export
from psccnet.engine.graphs import Whole
from psccnet.engine.quantization import quantize
from psccnet.inference import Detector
from psccnet.weights import WeightsError, load_network
from psccnet.weights.card import read_card, render

from ..conftest import texture

pytestmark = [
    # nncf 3.4 and what it imports.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def quantized(weights_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("int8") / "made"
    pictures = [texture(seed, 72, 96) for seed in range(3)] + [texture(3, 256, 256)]
    quantize(weights_file, pictures, folder)
    return folder


@pytest.mark.slow
def test_a_folder_of_quantized_weights_detects(quantized: Path, detector: Detector) -> None:
    rough = psccnet.load(quantized)
    assert (rough.engine.backend.name, rough.engine.backend.precision) == ("openvino", "int8")
    assert rough.card == detector.card
    # Whole, and in tiles.
    for tile, pixels in ((10**6, texture(20, 80, 90)), (206 * 206, texture(21, 225, 217))):
        rough.engine.tile_cells = tile
        one, other = detector.detect(pixels, masks=(1, 4)), rough.detect(pixels, masks=(1, 4))
        assert one.score == pytest.approx(other.score, abs=0.1)
        assert one.score != other.score
        for scale in (1, 4):
            assert np.abs(one.masks[scale] - other.masks[scale]).mean() < 0.05
    exact = psccnet.load(quantized, precision="float32")
    assert exact.detect(pixels).score == pytest.approx(one.score, abs=1e-5)


def test_what_it_costs_is_measured_on_other_pictures(quantized: Path) -> None:
    measured = json.loads((quantized / "int8.json").read_text())
    assert measured["pictures"] == 3
    assert 0 < measured["score_difference"] < 0.1
    assert 0 < measured["mask_difference"] < 0.05


def test_only_openvino_runs_int8(quantized: Path, weights_file: Path) -> None:
    with pytest.raises(ValueError, match="int8 needs quantized weights"):
        psccnet.load(weights_file, precision="int8")
    with pytest.raises(ValueError, match="precision must be auto, float32, float64 or bf16, not 'int8'"):
        psccnet.load(quantized, backend="torch", precision="int8")


def test_refusals(weights_file: Path, quantized: Path, tmp_path: Path) -> None:
    pictures = [texture(seed, 40, 40) for seed in range(4)]
    with pytest.raises(ValueError, match="at least 4 pictures, not 3"):
        quantize(weights_file, pictures[:3], tmp_path / "new")
    with pytest.raises(ValueError, match="exists already"):
        quantize(weights_file, pictures, quantized)
    with pytest.raises(WeightsError, match="is a folder"):
        quantize(quantized, pictures, tmp_path / "new")
    with pytest.raises(ValueError, match="is not a folder"):
        quantize(weights_file, pictures, tmp_path / "none" / "new")
    assert list(tmp_path.iterdir()) == []


def test_parts_of_other_weights_or_damaged_ones_are_refused(quantized: Path, tmp_path: Path) -> None:
    measured = json.loads((quantized / "int8.json").read_text())
    assert set(measured["parts"]) == {f"{part}.{end}" for part in ("stem", "stages") for end in ("xml", "bin")}

    def refused(name: str) -> None:
        with pytest.raises(WeightsError, match=f"{name} is damaged or holds parts of other weights"):
            psccnet.load(tmp_path / name)

    for name in ("lacking", "cut", "other", "old", "nonsense"):
        shutil.copytree(quantized, tmp_path / name)
    (tmp_path / "lacking" / "stages.bin").unlink()
    refused("lacking")
    text = (quantized / "stem.xml").read_text()
    (tmp_path / "cut" / "stem.xml").write_text(text[: len(text) // 2])
    refused("cut")
    (tmp_path / "other" / "int8.json").write_text(json.dumps(measured | {"sha256": "0" * 64}))
    refused("other")
    (tmp_path / "old" / "int8.json").write_text(json.dumps(measured | {"parts": ["stem", "stages"]}))
    refused("old")
    (tmp_path / "nonsense" / "int8.json").write_text("[")
    refused("nonsense")


@pytest.mark.slow
def test_others_take_the_weights_it_was_made_of(
    quantized: Path, weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, card = load_network(quantized)
    assert card == read_card(weights_file)
    original = load_network(weights_file)[0].state_dict()
    assert all(torch.equal(value, original[key]) for key, value in network.state_dict().items())

    # What the writers write is tested with them; here, of which weights.
    def write(part: Whole, path: Path, card: str) -> tuple[dict[Path, bytes], Run]:
        assert json.loads(card) == json.loads(read_card(weights_file).model_dump_json())
        return {path: b"written"}, lambda pixels: [x.numpy() for x in part(torch.from_numpy(pixels[None].copy()))]

    monkeypatch.setitem(_WRITERS, "onnx", write)
    export(quantized, tmp_path / "a.onnx", "onnx")
    assert (tmp_path / "a.onnx").read_bytes() == b"written"


def test_handlers_of_other_messages_keep_their_level(
    weights_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Quantization wants to hear less of nncf, which pytest's own handlers listen to as well."""
    logging.getLogger("nncf").addHandler(caplog.handler)
    try:
        with pytest.raises(ValueError, match="at least 4 pictures"):
            quantize(weights_file, [], tmp_path / "new")
    finally:
        logging.getLogger("nncf").removeHandler(caplog.handler)
    assert caplog.handler.level == logging.NOTSET


def test_the_command_shows_and_verifies_them(quantized: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(str(quantized))
    assert capsys.readouterr().out == render(read_card(quantized / "weights.safetensors")) + "\n"
    verify(str(quantized))
    assert capsys.readouterr().out == f"{quantized / 'weights.safetensors'}: intact, test\n"
