"""Small weights, a detector that uses them, small pictures, one thread."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from psccnet.engine.backends import Compiled
from psccnet.engine.backends.onnx import ONNXBackend
from psccnet.engine.backends.openvino import OpenVINOBackend
from psccnet.engine.backends.pytorch import TorchBackend
from psccnet.engine.convert import convert
from psccnet.engine.engine import Engine
from psccnet.errors import InputError
from psccnet.inference import Detector, load_detector
from psccnet.network import Architecture, PSCCNet, initialise
from psccnet.network.architecture import Detection, Stem
from psccnet.report.document import require
from psccnet.weights import Card, save

# As many processes as cores run the tests: more threads would wait for one another. Read when a part is compiled, and
# by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

TILE = 206 * 206
"""Cells of a tile: pictures of 225 x 217 are cut into four."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that have most slow tests, so that none of them is left for one process at the end."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors here are small: with several threads, most of the time is waiting for one another.

    A run of training flushes denormals, for good; what comes after it wants them back.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.fixture(autouse=True)
def messages_are_heard(caplog: pytest.LogCaptureFixture) -> None:
    """Libraries that set up logging of their own silence loggers, or pytest's handlers, for all tests after them."""
    logging.disable(logging.NOTSET)
    caplog.handler.setLevel(logging.NOTSET)
    for name, logger in logging.root.manager.loggerDict.items():
        if name.split(".")[0] == "psccnet" and isinstance(logger, logging.Logger):
            logger.disabled, logger.propagate = False, True


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Compile a graph once in this process, which takes a second: most tests detect with the same weights."""
    compile_anew = OpenVINOBackend.compile
    kept: dict[tuple[str, str, bytes], Compiled] = {}

    def compile_once(self: OpenVINOBackend, part: str, sizes: Mapping[str, tuple[int, ...]]) -> Compiled:
        if sizes or self._quantized is not None or part not in self._graphs:
            return compile_anew(self, part, sizes)
        key = part, self._floating, self._graphs[part]
        if key not in kept:
            while len(kept) >= 70:  # ten networks
                del kept[next(iter(kept))]
            kept[key] = compile_anew(self, part, sizes)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OpenVINOBackend, "compile", compile_once)
        yield


@pytest.fixture
def paper() -> None:
    """Skip where no PDF can be made, for want of Pango."""
    try:
        require(paper=True)
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture
def fill_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Call it with n: the n-th file written from then on is cut off, with the error of a full disk."""
    whole: Callable[[Path, bytes], int] = Path.write_bytes
    calls: list[Path] = []

    def start(failing_call: int) -> None:
        def write_bytes(path: Path, content: bytes) -> int:
            calls.append(path)
            if len(calls) == failing_call:
                whole(path, content[:10])
                raise OSError(28, "No space left on device")
            return whole(path, content)

        monkeypatch.setattr(Path, "write_bytes", write_bytes)

    return start


@cache
def trained(detection: Detection = "head", stem: Stem = "full") -> PSCCNet:
    """A network as from `network_as_trained` that all tests share, with what `graphs_of` makes of it."""
    return network_as_trained(detection=detection, stem=stem)


def network_as_trained(grid: int = 64, detection: Detection = "head", stem: Stem = "full") -> PSCCNet:
    """A network with batch norms that shift and scale, not so deep that float32 blurs comparisons."""
    torch.manual_seed(3)
    made = PSCCNet(Architecture(grid=grid, detection=detection, stem=stem)).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in (
                (module.weight, 0.5, 1.2),
                (module.bias, -0.3, 0.3),
                (module.running_mean, -0.3, 0.3),
                (module.running_var, 0.3, 1.5),
            ):
                nn.init.uniform_(values, low, high)
    return made


@cache
def shared_engine(network: PSCCNet, backend: str = "openvino") -> Engine:
    """As from `engine_of`, with the parts that other tests had compiled."""
    return engine_of(network, backend)


def engine_of(network: PSCCNet, backend: str = "openvino", precision: str = "float32", tile: int = TILE) -> Engine:
    """An engine that runs a network on the processor, in tiles of about `tile` cells."""
    if backend == "torch":
        return Engine(network.architecture, TorchBackend(network, "cpu", precision), tile)
    kinds = {"openvino": OpenVINOBackend, "onnx": ONNXBackend}
    return Engine(network.architecture, kinds[backend](graphs_of(network), precision=precision), tile)


_GRAPHS: dict[int, tuple[PSCCNet, dict[str, bytes]]] = {}


def graphs_of(network: PSCCNet) -> dict[str, bytes]:
    """The graphs of a network that no longer changes, made once."""
    if id(network) not in _GRAPHS:
        _GRAPHS[id(network)] = network, convert(network)
    return _GRAPHS[id(network)][1]


def texture(seed: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """A picture with structure at several scales, (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(Image.fromarray(rng.integers(0, 256, (n, n, 3), np.uint8)).resize((width, height)), np.float32)
        for n in (3, 9, 27)
    ]
    return np.clip(sum(layers) / 3 + rng.normal(0, 4, (height, width, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained weights called "test", on a grid of 64, with their card; of the two stems the cheaper one."""
    return untrained(tmp_path_factory.mktemp("weights"), "unshuffled")


def untrained(folder: Path, stem: Stem) -> Path:
    """Write test.safetensors with its card."""
    torch.manual_seed(1)
    network = PSCCNet(Architecture(grid=64, stem=stem))
    initialise(network)
    # Untrained networks answer alike to everything; a livelier last layer tells pictures and pixels apart.
    with torch.no_grad():
        network.detection_head.classifier[-1].weight.normal_(std=0.7)
        for scale in range(1, 5):
            getattr(network.bottom_up, f"scale{scale}").mask_block[2].weight.normal_(std=0.2)
    path = folder / "test.safetensors"
    save(network, path, Card(name="test", threshold=0.5, trained_on="nothing"))
    return path


@pytest.fixture(scope="session")
def detector(weights_file: Path) -> Detector:
    return load_detector(weights_file, device="cpu", precision="float32")


@pytest.fixture
def listed_set(tmp_path: Path) -> Path:
    """A folder of four forged and three pristine pictures of two sets, their masks and an index.csv."""
    folder = tmp_path / "set"
    (folder / "masks").mkdir(parents=True)
    rows = ["set,image,mask,manipulation"]
    for i, kind in enumerate(["pristine", "splicing", "copy-move", "pristine", "removal", "splicing", "pristine"]):
        height, width = 40 + 3 * i, 64 - 5 * i
        Image.fromarray(texture(i, height, width)).save(folder / f"{i}.png")
        mask = ""
        if kind != "pristine":
            mask = f"masks/{i}.png"
            truth = np.zeros((height, width), np.uint8)
            truth[8 : 20 + i, 5 + i : 25] = 255
            Image.fromarray(truth).save(folder / mask)
        rows.append(f"{'even' if i % 2 == 0 else 'odd'},{i}.png,{mask},{kind}")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder
