"""Where the time of a picture goes, beside what the machine could do at best."""

import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from psccnet.engine.backends import Array, Compiled
from psccnet.engine.counting import count
from psccnet.engine.engine import Engine
from psccnet.engine.parameters import Layer
from psccnet.engine.parts import Part

STEPS = ("stem", "stages", "head", "scale4", "scale3", "scale2", "scale1", "rest")
"""What a picture's time is divided into; "stages" are 2 to 4, whole or in tiles, "rest" is slicing and copying."""


@dataclass
class Measured:
    """A size of picture, measured.

    Attributes:
        height: of the picture.
        width: of the picture.
        seconds: median over the repetitions.
        steps: of `STEPS` -> seconds, of the repetition with the median.
        flop: that the network has on the whole picture.
        flop_done: that were computed, halos included.
        values: moved by the network on the whole picture, see `psccnet.engine.counting`.
    """

    height: int
    width: int
    seconds: float
    steps: dict[str, float]
    flop: int
    flop_done: int
    values: int


@dataclass
class _Watch:
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STEPS, 0.0))
    calls: list[tuple[Part, dict[str, tuple[int, ...]]]] = field(default_factory=list)

    def flop(self) -> int:
        """Of all calls."""
        kinds = Counter((part.name, *sizes.values()) for part, sizes in self.calls)
        found = {(part.name, *sizes.values()): (part, sizes) for part, sizes in self.calls}
        return sum(number * count(*found[kind])[0] for kind, number in kinds.items())


class _TimedEngine(Engine):
    """An engine that notes how long each part takes."""

    watch = _Watch()

    def _part(self, part: Part, inputs: dict[str, Array] | None = None) -> Compiled:
        compiled = super()._part(part, inputs)
        name = "stages" if part.name == "tile" else part.name

        def call(inputs: dict[str, Array]) -> list[Array]:
            started = time.perf_counter()
            outputs = compiled(inputs)
            self.watch.seconds[name] += time.perf_counter() - started
            self.watch.calls.append((part, {key: tuple(value.shape) for key, value in inputs.items()}))
            return outputs

        return call


def measure(engine: Engine, sizes: list[tuple[int, int]], repeats: int = 5) -> list[Measured]:
    """Time an engine on pictures of noise, once before it counts and then in turns of all sizes.

    Args:
        engine: whose parts and backend are timed.
        sizes: (height, width) each.
        repeats: of which the medians are taken.
    """
    timed = _TimedEngine(engine.parts, engine.backend, engine.tile_pixels)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    runs: list[list[tuple[float, _Watch]]] = [[] for _ in sizes]
    for turn in range(repeats + 1):
        for picture, of_size in zip(pictures, runs, strict=True):
            timed.watch = _Watch()
            started = time.perf_counter()
            timed(picture)
            seconds = time.perf_counter() - started
            timed.watch.seconds["rest"] = seconds - sum(timed.watch.seconds.values())
            if turn:
                of_size.append((seconds, timed.watch))
    measured = []
    for (height, width), of_size in zip(sizes, runs, strict=True):
        median = statistics.median_low([seconds for seconds, _ in of_size])
        watch = next(watch for seconds, watch in of_size if seconds == median)
        flop, values = count(engine.parts.whole(), {"pixels": (1, height, width, 3)})
        measured.append(Measured(height, width, median, watch.seconds, flop, watch.flop(), values))
    return measured


def peak_flops(engine: Engine, repeats: int = 5) -> float:
    """FLOP a second that the backend reaches on nothing but a large convolution, in the engine's precision."""
    rng = np.random.default_rng(0)
    layer = Layer(
        rng.normal(size=(256, 256, 3, 3)).astype(np.float32) / np.float32(50), np.zeros(256, dtype=np.float32)
    )
    thin = Layer(np.full((256, 3, 1, 1), 0.01, dtype=np.float32), np.zeros(256, dtype=np.float32))
    last = Layer(np.full((1, 256, 1, 1), 0.01, dtype=np.float32), np.zeros(1, dtype=np.float32))
    layers = 6

    def part(repeated: int) -> Part:
        def build(ops, of):  # type: ignore[no-untyped-def]
            x = ops.conv(ops.rgb(of["pixels"]), thin)
            for _ in range(repeated):
                x = ops.conv(x, layer)
            return [ops.conv(x, last)]

        return Part("peak", {"pixels": (None, None, 3)}, {"y": (1, None, None)}, build)

    pixels = engine.backend.put(np.zeros((1, 64, 64, 3), dtype=np.uint8))
    many, one = (engine.backend.compile(part(repeated), {}) for repeated in (layers + 1, 1))
    inputs = {"pixels": pixels}
    seconds = _median(lambda: many(inputs), repeats) - _median(lambda: one(inputs), repeats)
    return 2 * 256 * 256 * 9 * 64 * 64 * layers / seconds


def bandwidth(repeats: int = 5) -> float:
    """Bytes a second that a large array is copied with, reading and writing counted."""
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
