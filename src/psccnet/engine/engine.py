"""The engine: run the parts of the network on a picture of any size, in bounded memory."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psccnet.engine.backends import Array, Backend, Compiled
from psccnet.engine.tiling import (
    STEM_ALIGNMENT,
    STEM_HALO,
    Span,
    coordinates,
    cut,
    map_size,
    plan,
)
from psccnet.network.architecture import CHANNELS, Architecture
from psccnet.pictures.resampling import resample

ExitScale = int | Literal["auto"]
Observer = Callable[[str, Mapping[str, Array], float], None]
"""Called after each part has run, with the part's name, its inputs and the seconds it took."""

PARTS = ("stages", "scale1", "scale3", "stem", "scale2", "scale4", "detection")
"""Of the network (`psccnet.engine.graphs.parts`); those first that take longest to compile."""
FIXED_FROM = 18 * 200_000
"""Parts with an input of at least this many elements are compiled for fixed shapes."""


class Output(NamedTuple):
    """The engine's result for one picture.

    Attributes:
        score: detection score, 0..1.
        masks: (h, w) float32 probabilities for each scale from the exit scale to 4; empty if they were skipped.
    """

    score: float
    masks: dict[int, NDArray[np.float32]]


class Engine:
    """PSCC-Net for inference: the top-down path tile by tile, then the detection head and the masks.

    The result is the same as that of the network on the whole picture, up to rounding. Peak memory depends on the tile,
    not on the picture. Sizes are in cells. A cell is a point of F_1: one pixel, or 2 x 2 pixels with the unshuffled
    stem.

    Args:
        architecture: of the network.
        backend: which has the parts of the network and runs them.
        tile_cells: largest number of cells of a tile of stages 2 to 4, with its halo; by default the backend's.
        observer: called after each part, to time it or to record its inputs.
    """

    def __init__(
        self,
        architecture: Architecture,
        backend: Backend,
        tile_cells: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.architecture = architecture
        self.backend = backend
        self.tile_cells = tile_cells or backend.tile_cells
        self.observer = observer
        self._compiled: dict[tuple[Any, ...], Compiled] = {}
        self._compiling = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without compiled parts; the process that unpickles compiles them again."""
        return {**self.__dict__, "_compiled": {}, "_compiling": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """See `__getstate__`."""
        self.__dict__ |= state
        self._compiling = threading.Lock()

    def _run(self, part: str, inputs: Mapping[str, Array], by_size: bool = False) -> list[Array]:
        """Run a part; compile it on first use."""
        compiled = self._part(part, inputs if by_size else {})
        started = time.perf_counter()
        outputs = compiled(inputs)
        if self.observer is not None:
            seconds = time.perf_counter() - started
            self.observer(part, {name: inputs[name] for name in compiled.inputs}, seconds)
        return outputs

    def _part(self, part: str, inputs: Mapping[str, Array]) -> Compiled:
        """A compiled part: for inputs of any size, or for the fixed shapes of large ones if the backend wants that."""
        sizes = {name: tuple(value.shape) for name, value in inputs.items()}
        if not self.backend.by_size or max((math.prod(size) for size in sizes.values()), default=0) < FIXED_FROM:
            sizes = {}
        key = (part, *sizes.values())
        with self._compiling:
            if key not in self._compiled:
                # Only the last size is kept, since a compiled part holds the memory of its maps.
                for other in [other for other in self._compiled if sizes and len(other) > 1]:
                    del self._compiled[other]
                self._compiled[key] = self.backend.compile(part, sizes)
            return self._compiled[key]

    def prepare(self) -> None:
        """Compile all parts now, two at a time, instead of each when it is first used."""
        with ThreadPoolExecutor(2) as threads:
            compiled = list(threads.map(lambda part: self.backend.compile(part, {}), PARTS))
        with self._compiling:
            for part, made in zip(PARTS, compiled, strict=True):
                self._compiled.setdefault((part,), made)

    def part_inputs(self, part: str) -> tuple[str, ...]:
        """Names of what a part of the network reads."""
        return self._part(part, {}).inputs

    def features(self, pixels: NDArray[np.uint8]) -> list[Array]:
        """F_1..F_4 at their fixed sizes, (1, C, side, side) each, of a picture (H, W, 3) uint8."""
        cell, grid = self.architecture.cell, self.architecture.grid
        height, width = (-(-length // cell) for length in pixels.shape[:2])
        features = [self.backend.empty(1, c, grid >> k, grid >> k) for k, c in enumerate(CHANNELS)]
        rows, columns = plan(height, width, self.tile_cells)
        across = [self._coordinates("columns", span, width) for span in columns]
        # All tiles have the same size, so that their maps are allocated once.
        maps = [
            self.backend.empty(1, channels, rows[0].size(scale), columns[0].size(scale))
            for scale, channels in enumerate(CHANNELS[:2], start=1)
        ]
        for down in rows:
            in_rows, row_inputs = self._coordinates("rows", down, height)
            for column, (in_columns, column_inputs) in zip(columns, across, strict=True):
                self._stem(pixels, down, column, maps)
                inputs = {"fine": maps[0], "half": maps[1], **row_inputs, **column_inputs}
                sampled = self._run("stages", inputs, by_size=True)
                for feature, values, row, col in zip(features, sampled, in_rows, in_columns, strict=True):
                    feature[..., row, col] = values[..., : row.stop - row.start, : col.stop - col.start]
        return features

    def _coordinates(self, axis: str, span: Span, length: int) -> tuple[list[slice], dict[str, Array]]:
        where, found = coordinates(axis, span, length, self.architecture.grid)
        return where, {name: self.backend.put(value) for name, value in found.items()}

    def _stem(self, pixels: NDArray[np.uint8], down: Span, across: Span, maps: list[Array]) -> None:
        """Fill the maps of scales 1 and 2 of a tile, in smaller tiles: the stem's inner maps have 256 channels."""
        for row in _stem_spans(down.stop - down.start, self.backend.stem_cells):
            for column in _stem_spans(across.stop - across.start, self.backend.stem_cells):
                rows = slice(down.start + row.start, down.start + row.stop)
                columns = slice(across.start + column.start, across.start + column.stop)
                piece_pixels = self.backend.put(cells(pixels, rows, columns, self.architecture.cell)[None])
                for scale, piece in enumerate(self._run("stem", {"pixels": piece_pixels}), start=1):
                    (at_row, inner_row), (at_column, inner_column) = (_core(span, scale) for span in (row, column))
                    maps[scale - 1][..., at_row, at_column] = piece[..., inner_row, inner_column]

    def __call__(self, pixels: NDArray[np.uint8], exit_scale: ExitScale = 1, gate_below: float | None = None) -> Output:
        """Detect and localize.

        Args:
            pixels: (H, W, 3) uint8, RGB.
            exit_scale: the finest mask to compute, 1..4; "auto" stops when the masks hardly change (`SETTLED`).
            gate_below: skip the masks if the score is below this.
        """
        known = {f"feature{scale}": feature for scale, feature in enumerate(self.features(pixels), start=1)}
        head_scales = [int(name[-1]) for name in self.part_inputs("detection") if name.startswith("logits")]
        for scale in range(4, min(head_scales, default=5) - 1, -1):
            known[f"logits{scale}"] = self._run(f"scale{scale}", known)[0]
        score = float(self.backend.get(self._run("detection", known)[0]).item())
        if gate_below is not None and score < gate_below:
            return Output(score, {})
        masks: dict[int, NDArray[np.float32]] = {}
        for scale in range(4, 0, -1):
            if f"logits{scale}" not in known:
                known[f"logits{scale}"] = self._run(f"scale{scale}", known)[0]
            masks[scale] = _sigmoid(self.backend.get(known[f"logits{scale}"])[0, 0])
            if scale == exit_scale or (exit_scale == "auto" and settled(masks, scale)):
                break
        return Output(score, dict(sorted(masks.items())))


def cells(pixels: NDArray[np.uint8], rows: slice, columns: slice, cell: int) -> NDArray[np.uint8]:
    """The pixels of some rows and columns of cells; a picture of odd size is extended by reflection.

    Args:
        pixels: (H, W, 3), the picture.
        rows: a range of rows of cells.
        columns: a range of columns of cells.
        cell: height and width of a cell in pixels, 1 or 2.

    Examples:
        >>> picture = np.arange(9, dtype=np.uint8).reshape(3, 3, 1)
        >>> cells(picture, slice(0, 2), slice(0, 2), cell=2)[..., 0].tolist()
        [[0, 1, 2, 1], [3, 4, 5, 4], [6, 7, 8, 7], [3, 4, 5, 4]]
    """
    down, across = (slice(axis.start * cell, axis.stop * cell) for axis in (rows, columns))
    if down.stop <= pixels.shape[0] and across.stop <= pixels.shape[1]:
        return pixels[down, across]
    return pixels[np.ix_(_mirrored(down, pixels.shape[0]), _mirrored(across, pixels.shape[1]))]


def _mirrored(wanted: slice, length: int) -> NDArray[np.intp]:
    """Indices of rows or columns; one past the end is reflected, as `psccnet.network.hrnet.pad_to_even` does."""
    at = np.arange(wanted.start, wanted.stop)
    return np.maximum(np.where(at < length, at, at - 2), 0)


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)) without overflow."""
    found: NDArray[np.float32] = 0.5 * (1 + np.tanh(0.5 * logits))
    return found


SETTLED = 0.01
"""If masks change by less than this from one scale to the next, on average, finer masks are not worth computing."""


def change(masks: dict[int, NDArray[np.float32]], scale: int) -> float:
    """Mean absolute difference of the mask of `scale` and that of the next coarser scale, 0..1.

    Examples:
        >>> masks = {1: np.full((4, 4), 0.5, np.float32), 2: np.full((2, 2), 0.25, np.float32)}
        >>> change(masks, scale=1)
        0.25
    """
    mask = masks[scale]
    return float(np.abs(mask - resample(masks[scale + 1], *mask.shape)).mean())


def settled(masks: dict[int, NDArray[np.float32]], scale: int) -> bool:
    """Whether the mask of `scale` differs from that of the next coarser scale by less than `SETTLED`.

    Examples:
        >>> masks = {1: np.full((4, 4), 0.25, np.float32), 2: np.full((2, 2), 0.25, np.float32)}
        >>> settled(masks, scale=1), settled(masks, scale=2)
        (True, False)
    """
    return scale + 1 in masks and change(masks, scale) < SETTLED


def _stem_spans(length: int, area: int) -> list[Span]:
    """The tiles of the stem along one axis of a tile; a square of them has about `area` cells."""
    most = math.isqrt(area)
    pieces = 1 if length <= most else -(-length // (most - 2 * STEM_HALO))
    return cut(length, pieces, STEM_HALO, STEM_ALIGNMENT)


def _core(span: Span, scale: int) -> tuple[slice, slice]:
    """Where the core of a tile of the stem is in the tile's map of a scale, and in its own map."""
    start, stop = map_size(span.core_start, scale), map_size(span.core_stop, scale)
    first = span.start // 2 ** (scale - 1)
    return slice(start, stop), slice(start - first, stop - first)
