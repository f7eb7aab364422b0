"""Which backend is taken, and what is said where there is none."""

import pytest
import torch

from psccnet.inference.backends.find import find_backend
from psccnet.inference.backends.onnx import ONNXBackend
from psccnet.inference.backends.openvino import OpenVINOBackend
from psccnet.inference.backends.pytorch import TorchBackend, find_device


def test_backends_by_name() -> None:
    for name, kind in (("openvino", OpenVINOBackend), ("onnx", ONNXBackend), ("torch", TorchBackend)):
        assert isinstance(find_backend(name, "cpu"), kind)
    with pytest.raises(ValueError, match="backend is auto, openvino, onnx or torch, not 'tensorflow'"):
        find_backend("tensorflow")


def test_auto_is_openvino_on_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert isinstance(find_backend(), OpenVINOBackend)


def test_auto_is_torch_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psccnet.inference.backends.find._torch_finds_cuda", lambda: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    backend = find_backend()
    assert isinstance(backend, TorchBackend)
    assert (backend.device, backend.precision) == (torch.device("cuda"), "bf16")


def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: set[str] = {"onnxruntime"}
    monkeypatch.setattr("psccnet.inference.backends.find.find_spec", lambda name: None if name in missing else True)
    with pytest.raises(ValueError, match=r"backend onnx is not installed: pip install 'psccnet\[onnx\]'"):
        find_backend("onnx")
    missing.add("openvino")
    assert isinstance(find_backend(device="cpu"), TorchBackend)


def test_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    for fast, chosen in ((True, "bf16"), (False, "float32")):
        monkeypatch.setattr("psccnet.inference.backends.pytorch.has_fast_bf16", lambda fast=fast: fast)
        assert TorchBackend().precision == chosen
    for backend in (TorchBackend, OpenVINOBackend):
        assert backend(precision="float32").precision == "float32"
        with pytest.raises(ValueError, match="precision is auto, float32 or bf16, not 'int4'"):
            backend(precision="int4")
    with pytest.raises(ValueError, match="backend onnx computes in float32, not in 'bf16'"):
        find_backend("onnx", "cpu", "bf16")


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_device("cpu") == torch.device("cpu")
    for name in ("gpu", "", "meta", "cpux"):
        with pytest.raises(ValueError, match="device is auto, cpu, cuda or mps"):
            find_device(name)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.mps.is_available", lambda: False)
    for name in ("cuda", "cuda:1", "mps"):
        with pytest.raises(ValueError, match=f"device {name}: torch finds none here; use auto or cpu"):
            find_device(name)
    with pytest.raises(ValueError, match="backend openvino runs on the cpu here, not on cuda"):
        find_backend("openvino", "cuda")
    with pytest.raises(ValueError, match="device cuda: this ONNX Runtime has no provider for it"):
        find_backend("onnx", "cuda")
