"""From the names of a backend, a device and a precision to a backend."""

import json
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path

from psccnet.engine.backends import Backend
from psccnet.errors import WeightsError
from psccnet.weights.card import Card, sha256
from psccnet.weights.reading import resolve

INSTALLED_BY = {
    "openvino": "psccnet",
    "onnx": "psccnet[onnx]",
    "torch": "psccnet[torch]",
}
"""Backend -> what to install for it."""
_MODULES = {"openvino": ("openvino",), "onnx": ("onnx", "onnxruntime"), "torch": ("torch",)}


QUANTIZED = "int8.json"
"""The file by which a folder of quantized parts is known (`psccnet.engine.quantization`)."""


def quantized_parts(weights: str | Path, card: Card) -> Path | None:
    """The folder of quantized parts that weights are, if they are one.

    Raises:
        WeightsError: if the parts were not made of the weights that lie beside them, or are missing or damaged.
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
    raise WeightsError(f"{folder} is damaged or of other weights than lie in it: run psccnet weights quantize again")


def is_installed(name: str) -> bool:
    """Whether all that a backend needs is there."""
    return all(find_spec(module) is not None for module in _MODULES[name])


def find_backend(
    name: str = "auto", device: str = "auto", precision: str = "auto", quantized: Path | None = None
) -> Backend:
    """Make a backend.

    Args:
        name: "openvino", "onnx", "torch", or "auto": torch on an NVIDIA GPU where there is one, otherwise OpenVINO, or
            what of the others is installed.
        device: "cpu", "cuda", "cuda:1", "mps", or "auto": a GPU where there is one and torch is installed.
        precision: "float32", "bf16", "int8", or "auto": int8 for quantized weights, otherwise bf16 where that is fast.
        quantized: a folder of quantized parts, which OpenVINO alone runs.

    Raises:
        ValueError: for an unknown name, device or precision, a backend that is not installed, or a device that is not
            there or not for this backend.
    """
    if name not in ("auto", *_MODULES):
        raise ValueError(f"backend is auto, openvino, onnx or torch, not {name!r}")
    if quantized is not None and name == "auto":
        name, device = "openvino", "cpu" if device == "auto" else device
    if device == "auto":
        device = "cuda" if name in ("auto", "torch") and _torch_finds_cuda() else "cpu"
    if name == "auto":
        wanted = ("openvino", "onnx", "torch") if device == "cpu" else ("torch", "onnx")
        name = next((one for one in wanted if is_installed(one)), wanted[0])
    if not is_installed(name):
        raise ValueError(f"backend {name} is not installed: pip install '{INSTALLED_BY[name]}'")
    if name == "openvino":
        if device != "cpu":
            raise ValueError(f"backend openvino runs on the cpu here, not on {device}; use backend torch")
        from psccnet.engine.backends.openvino import OpenVINOBackend

        return OpenVINOBackend(precision, quantized)
    if name == "onnx":
        from psccnet.engine.backends.onnx import ONNXBackend

        return ONNXBackend(device, precision)
    from psccnet.engine.backends.pytorch import TorchBackend

    return TorchBackend(device, precision)


def _torch_finds_cuda() -> bool:
    # To import torch takes seconds: only where there is a driver to find.
    if not (find_library("cuda") or find_library("nvcuda")) or find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()
