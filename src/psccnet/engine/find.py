"""Make an engine from weights and the names of a backend, a device and a precision."""

import json
import logging
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path

from psccnet.engine.backends import Backend
from psccnet.engine.engine import Engine, Observer
from psccnet.errors import InputError, WeightsError, WriteError
from psccnet.weights.card import Card, sha256, verify
from psccnet.weights.graph_file import read_graphs, write_graphs
from psccnet.weights.reading import inside, resolve

_log = logging.getLogger(__name__)

INSTALLED_BY = {
    "openvino": "psccnet",
    "onnx": "psccnet[onnx]",
    "torch": "psccnet[torch]",
}
"""What to install for each backend."""
_MODULES = {"openvino": ("openvino",), "onnx": ("onnxruntime",), "torch": ("torch",)}


QUANTIZED = "int8.json"
"""A folder with this file holds quantized parts (`psccnet.engine.quantization`)."""


def quantized_parts(weights: str | Path, card: Card) -> Path | None:
    """The folder of quantized parts, if `weights` is one; otherwise None.

    Raises:
        WeightsError: if the parts were made from other weights than those in the folder, or are missing or damaged.
    """
    folder = resolve(weights)
    try:
        made = json.loads((folder / QUANTIZED).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        made = {}
    try:
        whole = all(sha256(folder / name) == digest for name, digest in made["parts"].items())
        if whole and made["sha256"] == card.sha256:
            return folder
    except (FileNotFoundError, LookupError, TypeError, AttributeError):
        pass
    raise WeightsError(f"{folder} is damaged or holds parts of other weights: run psccnet weights quantize again")


def is_installed(name: str) -> bool:
    """Whether the modules of a backend are installed."""
    return all(find_spec(module) is not None for module in _MODULES[name])


def choose(name: str = "auto", device: str = "auto", quantized: bool = False) -> tuple[str, str]:
    """Choose a backend and a device.

    Args:
        name: "openvino", "onnx", "torch", or "auto": torch if there is an NVIDIA GPU, otherwise OpenVINO, or another
            one that is installed.
        device: "cpu", "cuda", "cuda:1", "mps", or "auto": an NVIDIA GPU if there is one and torch is installed.
        quantized: the weights are quantized parts, which only OpenVINO runs.

    Returns:
        The names of the backend and of the device.

    Raises:
        InputError: for an unknown name, or a backend that is not installed or not for this device.
    """
    if name not in ("auto", *_MODULES):
        raise InputError(f"backend must be auto, openvino, onnx or torch, not {name!r}")
    if quantized and name == "auto":
        name, device = "openvino", "cpu" if device == "auto" else device
    if device == "auto":
        device = "cuda" if name in ("auto", "torch") and _torch_finds_cuda() else "cpu"
    if name == "auto":
        preferred = ("openvino", "onnx", "torch") if device == "cpu" else ("torch", "onnx")
        name = next((backend for backend in preferred if is_installed(backend)), preferred[0])
    if not is_installed(name):
        raise InputError(f"backend {name} is not installed: pip install '{INSTALLED_BY[name]}'")
    if name == "openvino" and device != "cpu":
        raise InputError(f"backend openvino runs on the cpu only, not on {device}; use backend torch")
    return name, device


def make_engine(
    weights: str | Path = "default",
    backend: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    tile_cells: int | None = None,
    observer: Observer | None = None,
) -> tuple[Engine, Card]:
    """Make an engine for weights.

    Args:
        weights: a bundled name, a `.safetensors` path, a folder in the released layout, or one of quantized parts.
        backend: see `choose`.
        device: see `choose`.
        precision: "float32", "bf16", "int8", or "auto": int8 for quantized weights, otherwise bf16 if it is fast here.
        tile_cells: see `Engine`.
        observer: see `Engine`.

    Returns:
        The engine, and the card of the weights.

    Raises:
        WeightsError: if the weights cannot be read; the message names them.
        InputError: for a backend, device or precision that is unknown or not available.
    """
    path = inside(resolve(weights))
    card = None if path.is_dir() else verify(path)
    quantized = None if card is None else quantized_parts(weights, card)
    name, device = choose(backend, device, quantized is not None)
    made: Backend
    if name == "torch":
        from psccnet.engine.backends.pytorch import TorchBackend
        from psccnet.weights.store import load_network

        network, card = load_network(path)
        made = TorchBackend(network, device, precision)
    else:
        graphs, card = find_graphs(path, card)
        if name == "openvino":
            from psccnet.engine.backends.openvino import OpenVINOBackend

            made = OpenVINOBackend(graphs, precision, quantized)
        else:
            from psccnet.engine.backends.onnx import ONNXBackend

            made = ONNXBackend(graphs, device, precision)
    return Engine(card.architecture, made, tile_cells, observer), card


def find_graphs(path: Path, card: Card | None = None) -> tuple[dict[str, bytes], Card]:
    """Read the graphs of weights; if there are none yet, convert the network and write its graphs beside the file.

    Args:
        path: a `.safetensors` file, or a folder in the released layout, whose graphs are not written.
        card: of the file, if the file was verified with it already.

    Returns:
        The graphs by part, and the card.

    Raises:
        WeightsError: if the weights cannot be read, or have no graphs and torch is not installed.
    """
    if not path.is_dir():
        card = card or verify(path)
        graphs = read_graphs(path, card)
        if graphs is not None:
            return graphs, card
    if not is_installed("torch") or find_spec("onnx") is None:
        raise WeightsError(
            f"{path} has no graphs beside it, and making them needs torch: install psccnet[torch] once and use the"
            " weights, or copy their .graphs file too"
        )
    from psccnet.engine.convert import convert
    from psccnet.weights.store import load_network

    network, card = load_network(path)
    graphs = convert(network)
    if not path.is_dir():
        try:
            write_graphs(graphs, path, card)
        except WriteError:
            _log.warning("the graphs of %s cannot be written beside it: they are made again each time", path)
    return graphs, card


def _torch_finds_cuda() -> bool:
    # Importing torch takes seconds, so look for a driver first.
    if not (find_library("cuda") or find_library("nvcuda")) or find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()
