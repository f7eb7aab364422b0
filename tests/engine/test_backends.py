"""Which backend is taken, and what is said where there is none."""

import io
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from psccnet.engine.backends.onnx import ONNXBackend
from psccnet.engine.backends.openvino import OpenVINOBackend
from psccnet.engine.backends.pytorch import TorchBackend, find_device
from psccnet.engine.find import choose, find_graphs, make_engine
from psccnet.errors import WeightsError
from psccnet.network import Architecture, PSCCNet
from psccnet.network.sccm import SCCM
from psccnet.weights import Card, load_network, save
from psccnet.weights.graph_file import graph_path, write_graphs


def test_backends_by_name(weights_file: Path) -> None:
    for name, kind in (("openvino", OpenVINOBackend), ("onnx", ONNXBackend), ("torch", TorchBackend)):
        engine, card = make_engine(weights_file, name, "cpu")
        assert isinstance(engine.backend, kind)
        assert engine.architecture == card.architecture
    with pytest.raises(ValueError, match="backend must be auto, openvino, onnx or torch, not 'tensorflow'"):
        choose("tensorflow")


def test_auto_is_openvino_on_a_processor_and_torch_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psccnet.engine.find._torch_finds_cuda", lambda: False)
    assert choose() == ("openvino", "cpu")
    monkeypatch.setattr("psccnet.engine.find._torch_finds_cuda", lambda: True)
    assert choose() == ("torch", "cuda")
    assert choose(quantized=True) == ("openvino", "cpu")


def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: set[str] = {"onnxruntime"}
    monkeypatch.setattr("psccnet.engine.find.find_spec", lambda name: None if name in missing else True)
    with pytest.raises(ValueError, match=r"backend onnx is not installed: pip install 'psccnet\[onnx\]'"):
        choose("onnx")
    missing.add("openvino")
    assert choose(device="cpu") == ("torch", "cpu")


def test_weights_without_graphs_need_torch_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bare.safetensors"
    save(PSCCNet(Architecture(grid=32)), path, Card(name="bare"))
    with monkeypatch.context() as patched:
        patched.setattr("psccnet.engine.find.is_installed", lambda name: name != "torch")
        with pytest.raises(WeightsError, match=r"bare\.safetensors has no graphs beside it.*psccnet\[torch\] once"):
            find_graphs(path)
    made, _ = find_graphs(path)
    monkeypatch.setattr("psccnet.engine.convert.convert", lambda _network: pytest.fail("made again"))
    assert find_graphs(path)[0] == made
    content = bytearray(graph_path(path).read_bytes())
    content[len(content) // 2] ^= 255
    graph_path(path).write_bytes(content)
    with pytest.raises(WeightsError, match=r"bare\.graphs is damaged: delete it"):
        find_graphs(path)


@pytest.mark.slow
def test_graphs_of_other_weights_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    card = save(PSCCNet(Architecture(grid=32)), path, Card(name="a"))
    write_graphs({"stem": b"old"}, path, card)
    assert find_graphs(path)[0] == {"stem": b"old"}
    save(PSCCNet(Architecture(grid=32)), path, Card(name="a"))
    assert set(find_graphs(path)[0]) == {"stem", "stages", "scale4", "scale3", "scale2", "scale1", "detection"}


def test_precisions(weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_network(weights_file)[0]
    for fast, chosen in ((True, "bf16"), (False, "float32")):
        monkeypatch.setattr("psccnet.engine.backends.pytorch.has_fast_bf16", lambda fast=fast: fast)
        assert TorchBackend(network).precision == chosen
    for backend in (TorchBackend(network, precision="float32"), OpenVINOBackend({}, precision="float32")):
        assert backend.precision == "float32"
    for make in (lambda: TorchBackend(network, precision="int4"), lambda: OpenVINOBackend({}, precision="int4")):
        with pytest.raises(ValueError, match=r"precision must be auto, float32.*, not 'int4'"):
            make()
    with pytest.raises(ValueError, match="backend onnx computes in float32, not in 'bf16'"):
        ONNXBackend({}, "cpu", "bf16")


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_device("cpu") == torch.device("cpu")
    for name in ("gpu", "", "meta", "cpux", "cpu:x"):
        with pytest.raises(ValueError, match="device must be auto, cpu, cuda, cuda:1 or mps"):
            find_device(name)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.mps.is_available", lambda: False)
    for name in ("cuda", "cuda:1", "mps"):
        with pytest.raises(ValueError, match=f"device {name}: torch finds none on this machine; use auto or cpu"):
            find_device(name)
    with pytest.raises(ValueError, match="backend openvino runs on the cpu only, not on cuda"):
        choose("openvino", "cuda")
    with pytest.raises(ValueError, match="device cuda: this ONNX Runtime has no provider for it"):
        ONNXBackend({}, "cuda")


class Similarity(nn.Module):
    """The channel-wise attention of a module whose embeddings are given: values theta and phi of unit g."""

    inputs = ("theta", "phi")

    def __init__(self, width: int, side: int, rounded_products: bool) -> None:
        super().__init__()
        self.sccm = SCCM(width, 1)
        self.sccm.rounded_products = rounded_products
        self.side = side

    def forward(self, theta: Tensor, phi: Tensor) -> Tensor:
        g = torch.eye(theta.shape[2], dtype=theta.dtype).repeat(1, self.side**2 // theta.shape[2], 1)
        return self.sccm._channel_attention(g, theta, phi, self.side, self.side)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("name", ["openvino", "torch"])
def test_large_logits_are_softmaxed_in_float32(name: str, precision: str) -> None:
    """Logits of about 300, of which two a row differ by less than bf16 can tell at that size, which is 2."""
    width, side = 16, 32
    rng = np.random.default_rng(0)
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

    tokens = [torch.from_numpy(x.T[None].copy()).float() for x in (theta, phi)]
    if name == "torch":
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        found = Similarity(width, side, False)(*(x.to(dtype) for x in tokens)).float().detach().numpy()
    else:
        stream = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names = ["theta", "phi"]
            torch.onnx.export(Similarity(width, side, True), tuple(tokens), stream, dynamo=False, input_names=names)
        part = OpenVINOBackend({"similarity": stream.getvalue()}, precision).compile("similarity", {})
        found = part({name: x.numpy() for name, x in zip(names, tokens, strict=True)})[0]
    # g repeats the unit matrix: the first tokens of the answer are the rows of the similarity.
    of_tokens = found[0].reshape(width, -1).T[:width]
    np.testing.assert_allclose(of_tokens, weights, atol=0.01 if precision == "bf16" else 1e-3)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_ctrl_c_after_detection_reaches_python() -> None:
    """OpenVINO's cores leave a signal stack behind; several of them a dangling one, on which the process died."""
    program = (
        "import gc, signal\n"
        "import numpy as np, psccnet\n"
        "signal.signal(signal.SIGINT, lambda *_: print('handled'))\n"
        "for _ in range(2):\n"
        "    psccnet.load(backend='openvino').detect(np.zeros((40, 40, 3), np.uint8))\n"
        "    gc.collect()\n"
        "    signal.raise_signal(signal.SIGINT)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "handled\nhandled\n"), done.stderr
