"""Which backend is taken, and what is said where there is none."""

from typing import Any

import numpy as np
import pytest
import torch

from psccnet.engine.backends.find import find_backend
from psccnet.engine.backends.onnx import ONNXBackend
from psccnet.engine.backends.openvino import OpenVINOBackend
from psccnet.engine.backends.pytorch import TorchBackend, find_device
from psccnet.engine.parameters import Layer
from psccnet.engine.parts import Part


def test_backends_by_name() -> None:
    for name, kind in (("openvino", OpenVINOBackend), ("onnx", ONNXBackend), ("torch", TorchBackend)):
        assert isinstance(find_backend(name, "cpu"), kind)
    with pytest.raises(ValueError, match="backend is auto, openvino, onnx or torch, not 'tensorflow'"):
        find_backend("tensorflow")


def test_auto_is_openvino_on_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert isinstance(find_backend(), OpenVINOBackend)


def test_auto_is_torch_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psccnet.engine.backends.find._torch_finds_cuda", lambda: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    backend = find_backend()
    assert isinstance(backend, TorchBackend)
    assert (backend.device, backend.precision) == (torch.device("cuda"), "bf16")


def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: set[str] = {"onnxruntime"}
    monkeypatch.setattr("psccnet.engine.backends.find.find_spec", lambda name: None if name in missing else True)
    with pytest.raises(ValueError, match=r"backend onnx is not installed: pip install 'psccnet\[onnx\]'"):
        find_backend("onnx")
    missing.add("openvino")
    assert isinstance(find_backend(device="cpu"), TorchBackend)


def test_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    for fast, chosen in ((True, "bf16"), (False, "float32")):
        monkeypatch.setattr("psccnet.engine.backends.pytorch.has_fast_bf16", lambda fast=fast: fast)
        assert TorchBackend().precision == chosen
    for backend in (TorchBackend, OpenVINOBackend):
        assert backend(precision="float32").precision == "float32"
        with pytest.raises(ValueError, match=r"precision is auto, float32.*, not 'int4'"):
            backend(precision="int4")
    with pytest.raises(ValueError, match="backend onnx computes in float32, not in 'bf16'"):
        find_backend("onnx", "cpu", "bf16")


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_device("cpu") == torch.device("cpu")
    for name in ("gpu", "", "meta", "cpux", "cpu:x"):
        with pytest.raises(ValueError, match="device is auto, cpu, cuda, cuda:1 or mps"):
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


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("kind", [OpenVINOBackend, TorchBackend])
def test_large_logits_are_softmaxed_in_float32(kind: type, precision: str) -> None:
    """Logits of about 300, of which two a row differ by less than bf16 can tell at that size, which is 2."""
    width, side = 24, 32
    rng = np.random.default_rng(0)
    same = Layer(np.eye(width, dtype=np.float32)[:, :, None, None], np.zeros(width, dtype=np.float32))

    def build(ops: Any, of: dict[str, Any]) -> list[Any]:
        flat = [ops.reshape(ops.conv(of[name], same), (width, side * side)) for name in ("feature1", "feature2")]
        return [ops.channel_similarity(*(ops.transpose(x, (0, 2, 1)) for x in flat))]

    theta = rng.normal(size=(width, side * side)) * 0.8
    phi = 0.5 * theta + rng.normal(size=theta.shape) * 0.02
    phi[width // 2 :] = phi[: width // 2] + rng.normal(size=(width // 2, side * side)) * 0.02
    # What a bf16 backend is given is exact in bf16, so that only what it does with it counts.
    theta, phi = (torch.from_numpy(x).bfloat16().double().numpy() for x in (theta, phi))
    logits = theta @ phi.T
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    assert logits.max() > 250
    assert np.median(weights[: width // 2].max(axis=1)) < 0.95

    backend = kind(precision=precision)
    shape = (width, side, side)
    part = Part("similarity", {"feature1": shape, "feature2": shape}, {"y": (width, width)}, build)
    arrays = {"feature1": theta, "feature2": phi}
    inputs = {name: backend.put(x.reshape(1, *shape).astype(np.float32)) for name, x in arrays.items()}
    if kind is TorchBackend and precision == "bf16":
        inputs = {name: x.bfloat16() for name, x in inputs.items()}
    found = backend.get(backend.compile(part, {})(inputs)[0])[0]
    np.testing.assert_allclose(found, weights, atol=0.01 if precision == "bf16" else 1e-3)
