"""Exports compute what the network computes, carry their card, and leave nothing behind when they fail."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch
from numpy.typing import NDArray

from psccnet.engine.export import _WRITERS, ENDINGS, Exported, ExportError, _onnx_model, _to_openvino, export
from psccnet.engine.graphs import Whole, prepared
from psccnet.inference import Detector
from psccnet.weights import Card, load_network, save
from psccnet.weights.card import read_card

from ..conftest import shared_engine, texture, trained

# TorchScript is deprecated, and still what programs without Python read.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

Run = Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]


def run_onnx(path: Path) -> Run:
    session = onnxruntime.InferenceSession(path)
    return lambda pixels: session.run(None, {"pixels": pixels})


def run_openvino(path: Path) -> Run:
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda pixels: list(compiled(pixels).values())


def run_torchscript(path: Path) -> Run:
    module = torch.jit.load(path)
    return lambda pixels: [output.numpy() for output in module(torch.from_numpy(pixels))]


RUNS = {"onnx": run_onnx, "openvino": run_openvino, "torchscript": run_torchscript}


@pytest.fixture(scope="module", params=RUNS)
def exported(request: pytest.FixtureRequest, weights_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """An export in each format."""
    folder = tmp_path_factory.mktemp("exported")
    return export(weights_file, folder / f"network{ENDINGS[request.param]}", request.param)


@pytest.mark.slow
def test_an_export_says_what_the_detector_says(exported: Exported, detector: Detector) -> None:
    path = exported.files[0]
    format = next(format for format, ending in ENDINGS.items() if path.name == f"network{ending}")
    assert sorted(exported.files) == sorted(path.parent.iterdir())
    assert exported.difference < 1e-4
    run = RUNS[format](path)
    for pixels in (texture(1, 70, 50), texture(2, 33, 101)):
        output = detector.engine(pixels)
        score, *masks = run(pixels[None])
        assert score == pytest.approx([output.score], abs=1e-4)
        for scale, mask in enumerate(masks, start=1):
            np.testing.assert_allclose(mask[0, 0], output.masks[scale], atol=1e-4)
    # A batch of pictures of one size.
    pair = np.stack([texture(3, 40, 64), texture(4, 40, 64)])
    score, *masks = run(pair)
    assert score == pytest.approx([detector.engine(pixels).score for pixels in pair], abs=1e-4)
    assert [mask.shape for mask in masks] == [(2, 1, 64 >> scale, 64 >> scale) for scale in range(4)]


@pytest.mark.slow
def test_an_export_scores_by_mask_2_and_has_an_unshuffled_stem_where_its_weights_do(tmp_path: Path) -> None:
    network = trained("contrast", "unshuffled")
    weights = tmp_path / "contrast.safetensors"
    save(network, weights, Card(name="contrast"))
    done = export(weights, tmp_path / "a.onnx", "onnx")
    assert done.difference < 1e-4  # also for sizes that are odd, `CHECKED`
    engine = shared_engine(network)
    pixels = texture(1, 70, 50)
    (score,) = run_onnx(tmp_path / "a.onnx")(pixels[None])[0]
    assert score == pytest.approx(engine(pixels).score, abs=1e-4)
    mask = engine(pixels).masks[2].astype(np.float64)
    logits = np.log(mask / (1 - mask))
    assert score == pytest.approx(1 / (1 + np.exp(2 - logits.max() + logits.mean())), abs=1e-3)


@pytest.mark.slow
def test_the_card_travels(exported: Exported, weights_file: Path) -> None:
    card = read_card(weights_file)
    path = exported.files[0]
    match path.suffix:
        case ".onnx":
            (found,) = onnx.load(path).metadata_props
            assert Card.model_validate_json(found.value) == card
        case ".xml":
            model = openvino.Core().read_model(path)
            assert json.loads(model.get_rt_info(["psccnet", "sha256"]).value) == card.sha256
        case _:
            extra = {"psccnet.json": ""}
            torch.jit.load(path, _extra_files=extra)
            assert Card.model_validate_json(extra["psccnet.json"]) == card


@pytest.fixture(scope="module")
def graph(weights_file: Path) -> bytes:
    """Of the weights."""
    return _onnx_model(Whole(prepared(load_network(weights_file)[0])))


@pytest.fixture
def converted_before(graph: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports of the weights take the graph that was made once."""
    monkeypatch.setattr("psccnet.engine.export._onnx_model", lambda _: graph)


@pytest.mark.slow
@pytest.mark.usefixtures("converted_before")
def test_a_graph_that_differs_is_not_written(
    weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psccnet.engine.export.TOLERANCE", 1e-12)
    with pytest.raises(ExportError, match=r"a\.xml was not written: its graph differs from the network by"):
        export(weights_file, tmp_path / "a.xml", "openvino")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("converted_before")
def test_a_graph_that_gives_no_number_is_not_written(
    weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(part: Whole, path: Path, card: str) -> tuple[dict[Path, bytes], Run]:
        contents, run = _to_openvino(part, path, card)

        def broken(pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            score, *masks = run(pixels)
            if len(pixels) == 131:  # the second picture that is looked at
                masks[1] = np.full_like(masks[1], np.nan)
            return [score, *masks]

        return contents, broken

    monkeypatch.setitem(_WRITERS, "openvino", write)
    with pytest.raises(ExportError, match="differs from the network by nan"):
        export(weights_file, tmp_path / "a.xml", "openvino")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("converted_before")
def test_an_interrupted_export_leaves_what_stood_there(
    weights_file: Path, tmp_path: Path, fill_disk: Callable[[int], None]
) -> None:
    for name in ("a.xml", "a.bin"):
        (tmp_path / name).write_text("before")
    fill_disk(2)
    with pytest.raises(OSError, match="No space left"):
        export(weights_file, tmp_path / "a.xml", "openvino")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.xml": "before", "a.bin": "before"}


def test_names_are_checked_first(weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"a\.bin does not end in \.onnx"):
        export(weights_file, tmp_path / "a.bin", "onnx")
    with pytest.raises(ValueError, match="none is not a folder"):
        export(weights_file, tmp_path / "none" / "a.onnx", "onnx")
    monkeypatch.setattr("psccnet.engine.export.find_spec", lambda name: None if name == "torch" else True)
    with pytest.raises(ValueError, match=r"format onnx needs torch: pip install 'psccnet\[torch,onnx\]'"):
        export(weights_file, tmp_path / "a.onnx", "onnx")
