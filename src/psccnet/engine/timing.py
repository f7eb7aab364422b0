"""Measure how long each step takes for a picture, and what the machine could do at best."""

import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import openvino
from openvino import opset15 as op

from psccnet.engine.backends import Array
from psccnet.engine.backends.openvino import core
from psccnet.engine.engine import Engine
from psccnet.engine.tiling import Span, coordinates, map_size
from psccnet.network.architecture import CHANNELS, Architecture

Shape = tuple[int, ...]

STEPS = ("stem", "stages", "detection", "scale4", "scale3", "scale2", "scale1", "rest")
"""The steps that are timed; "stages" are stages 2 to 4, "rest" is slicing and copying."""


@dataclass
class Measured:
    """The measurements for a size of picture.

    Attributes:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        seconds: median of the repetitions.
        steps: seconds of each of `STEPS`, in the repetition with the median.
        flop: floating-point operations of the network on the whole picture.
        flop_done: floating-point operations that were computed, with halos.
        values: values moved by the network on the whole picture, see `count`.
    """

    height: int
    width: int
    seconds: float
    steps: dict[str, float]
    flop: int
    flop_done: int
    values: int


def measure(
    engine: Engine, graphs: Mapping[str, bytes], sizes: list[tuple[int, int]], repeats: int = 5
) -> list[Measured]:
    """Time an engine on pictures of noise; all sizes alternate, after a first run that does not count.

    Args:
        engine: to time.
        graphs: of its network, to count operations.
        sizes: (height, width) of the pictures.
        repeats: number of runs, of which the median is taken.
    """
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    runs: list[list[tuple[float, list[_Call]]]] = [[] for _ in sizes]
    calls: list[_Call] = []

    def note(part: str, inputs: Mapping[str, Array], seconds: float) -> None:
        calls.append(_Call(part, {name: tuple(value.shape) for name, value in inputs.items()}, seconds))

    timed = Engine(engine.architecture, engine.backend, engine.tile_cells, note)
    for turn in range(repeats + 1):
        for picture, picture_runs in zip(pictures, runs, strict=True):
            calls.clear()
            started = time.perf_counter()
            timed(picture)
            if turn:
                picture_runs.append((time.perf_counter() - started, list(calls)))
    measured = []
    for (height, width), picture_runs in zip(sizes, runs, strict=True):
        median, done = sorted(picture_runs, key=lambda run: run[0])[(repeats - 1) // 2]
        steps = dict.fromkeys(STEPS, 0.0)
        for call in done:
            steps[call.part] += call.seconds
        steps["rest"] = median - sum(steps.values())
        flop, values = whole_picture(graphs, engine.architecture, height, width)
        measured.append(Measured(height, width, median, steps, flop, flop_of(graphs, done), values))
    return measured


class _Call(NamedTuple):
    """A call of a part: its name, the shapes of its inputs, and the seconds it took."""

    part: str
    sizes: dict[str, Shape]
    seconds: float


def flop_of(graphs: Mapping[str, bytes], calls: list[_Call]) -> int:
    """Floating-point operations of all calls; calls with the same shapes are analysed once."""
    kinds = Counter((call.part, tuple(sorted(call.sizes.items()))) for call in calls)
    return sum(number * count(graphs[part], dict(sizes))[0] for (part, sizes), number in kinds.items())


def whole_picture(graphs: Mapping[str, bytes], architecture: Architecture, height: int, width: int) -> tuple[int, int]:
    """Floating-point operations and values moved (`count`) of the network on a picture that is a single tile."""
    cell, grid = architecture.cell, architecture.grid
    rows, columns = -(-height // cell), -(-width // cell)
    sizes: dict[str, Shape] = {"pixels": (1, rows * cell, columns * cell, 3)}
    for scale, name in ((1, "fine"), (2, "half")):
        sizes[name] = 1, CHANNELS[scale - 1], map_size(rows, scale), map_size(columns, scale)
    for axis, length in (("rows", rows), ("columns", columns)):
        found = coordinates(axis, Span(0, length, 0, length), length, grid)[1]
        sizes |= {name: value.shape for name, value in found.items()}
    counted = [count(graph, sizes) for graph in graphs.values()]
    return sum(flop for flop, _ in counted), sum(values for _, values in counted)


def count(graph: bytes, sizes: Mapping[str, Shape]) -> tuple[int, int]:
    """Count the operations of a graph for given sizes of its inputs.

    Args:
        graph: the bytes of an ONNX file.
        sizes: of its inputs; inputs of fixed size may be missing, others are ignored.

    Returns:
        Floating-point operations of convolutions and matrix products, beside which the rest is negligible; and the
        number of values in their inputs and outputs, which a memory without caches would have to move.
    """
    model = core().read_model(graph)
    names = [port.get_node().get_friendly_name() for port in model.inputs]
    model.reshape({name: list(sizes[name]) for name in names if name in sizes})
    flop = values = 0
    for operation in model.get_ops():
        kind = operation.get_type_name()
        if kind not in ("Convolution", "MatMul"):
            continue
        x, y = (tuple(operation.input(number).get_shape()) for number in range(2))
        z = tuple(operation.output(0).get_shape())
        if kind == "Convolution":
            flop += 2 * math.prod(z) * math.prod(y[1:])
        else:
            flop += 2 * math.prod(z) * x[-2 if operation.get_attributes()["transpose_a"] else -1]
            values += math.prod(y)
        values += math.prod(x) + math.prod(z)
    return flop, values


def peak_flops(engine: Engine, repeats: int = 5) -> float:
    """Operations per second of OpenVINO on large convolutions, in the floating-point type of the engine."""
    side, channels, layers = 64, 256, 6
    kernel = np.random.default_rng(0).normal(size=(channels, channels, 3, 3)).astype(np.float32) / np.float32(50)

    def compiled(repeated: int) -> Callable[[], object]:
        x = first = op.parameter([1, channels, side, side], np.float32)
        for _ in range(repeated):
            x = op.convolution(x, op.constant(kernel), [1, 1], [1, 1], [1, 1], [1, 1])
        model = openvino.Model([op.result(op.reduce_mean(x, op.constant(np.array([1, 2, 3]))))], [first], "peak")
        hint = "f32" if engine.backend.precision == "float32" else "bf16"
        made = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint})
        inputs = [np.zeros((1, channels, side, side), dtype=np.float32)]
        return lambda: made(inputs)

    seconds = _median(compiled(layers + 1), repeats) - _median(compiled(1), repeats)
    return 2 * channels * channels * 9 * side * side * layers / seconds


def bandwidth(repeats: int = 5) -> float:
    """Bytes per second when copying a large array, counting reads and writes."""
    source = np.zeros(1 << 28, dtype=np.uint8)
    target = np.ones_like(source)
    return 2 * source.nbytes / _median(lambda: np.copyto(target, source), repeats)


def _median(call: Callable[[], object], repeats: int) -> float:
    call()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
