"""The engine: a picture of any size through the parts of the network, in bounded memory."""

import math
import threading
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psccnet.engine.backends import Array, Backend, Compiled
from psccnet.engine.parts import CHANNELS, FINER_AND_COARSER, Part, Parts
from psccnet.engine.tiling import (
    STEM_ALIGNMENT,
    STEM_HALO,
    Span,
    cut,
    grid_points,
    map_size,
    plan,
    positions,
)
from psccnet.pictures.resampling import resample

ExitScale = int | Literal["auto"]


FIXED_FROM = 18 * 200_000
"""Values of the largest input from which a part is compiled for the very sizes of its inputs."""


class Output(NamedTuple):
    """What the engine computes of one picture.

    Attributes:
        score: detection score, 0..1.
        masks: scale -> (h, w) float32 probabilities, from the exit scale to 4; empty where gated.
    """

    score: float
    masks: dict[int, NDArray[np.float32]]


class Engine:
    """PSCC-Net for inference: the top-down path tile by tile, then the detection head and as many masks as wanted.

    The result is that of the network on the whole picture, up to rounding; peak memory depends on the tile and not on
    the picture.

    Args:
        parts: of the network.
        backend: runs them.
        tile_pixels: of a tile of stages 2 to 4, halo included; the backend's choice where left out.
    """

    def __init__(self, parts: Parts, backend: Backend, tile_pixels: int | None = None) -> None:
        self.parts = parts
        self.backend = backend
        self.tile_pixels = tile_pixels or backend.tile_pixels
        self._compiled: dict[tuple[Any, ...], Compiled] = {}
        self._compiling = threading.Lock()

    def _part(self, part: Part, inputs: dict[str, Array] | None = None) -> Compiled:
        """A part, compiled when it is first wanted; for large maps anew for their size, if the backend wants that.

        Args:
            part: of the network.
            inputs: that it is for, where a part takes maps of different sizes.
        """
        sizes = {name: tuple(value.shape) for name, value in (inputs or {}).items() if name in part.inputs}
        if not self.backend.by_size or max((math.prod(size) for size in sizes.values()), default=0) < FIXED_FROM:
            sizes = {}
        key = (part.name, *sizes.values())
        with self._compiling:
            if key not in self._compiled:
                # Only the last size is kept: with a part go the maps that it has worked with.
                for other in [other for other in self._compiled if sizes and len(other) > 1]:
                    del self._compiled[other]
                self._compiled[key] = self.backend.compile(part, sizes)
            return self._compiled[key]

    def features(self, pixels: NDArray[np.uint8]) -> list[Array]:
        """F_1..F_4 at their fixed sizes, (1, C, side, side) each, of a picture (H, W, 3) uint8."""
        height, width = pixels.shape[:2]
        sides = [self.parts.grid >> scale for scale in range(4)]
        features = [self.backend.empty(1, c, side, side) for c, side in zip(CHANNELS, sides, strict=True)]
        rows, columns = plan(height, width, self.tile_pixels)
        stages = self.parts.stages(tiled=len(rows) > 1 or len(columns) > 1)
        across = [self._coordinates("columns", span, width) for span in columns]
        # All tiles have the same size: their maps are made once and filled again.
        maps = [
            self.backend.empty(1, channels, rows[0].size(scale), columns[0].size(scale))
            for scale, channels in enumerate(CHANNELS[:2], start=1)
        ]
        for down in rows:
            in_rows, of_rows = self._coordinates("rows", down, height)
            for column, (in_columns, of_columns) in zip(columns, across, strict=True):
                self._stem(pixels[down.start : down.stop, column.start : column.stop], maps)
                inputs = {"fine": maps[0], "half": maps[1], **of_rows, **of_columns}
                sampled = self._part(stages, inputs)({name: inputs[name] for name in stages.inputs})
                for feature, values, row, col in zip(features, sampled, in_rows, in_columns, strict=True):
                    feature[..., row, col] = values[..., : row.stop - row.start, : col.stop - col.start]
        return features

    def _coordinates(self, axis: str, span: Span, length: int) -> tuple[list[slice], dict[str, Array]]:
        """Which points of the fixed grids of scales 1..4 a tile has along an axis, and inputs of `Parts.stages`."""
        points = [grid_points(span, length, scale, self.parts.grid >> (scale - 1)) for scale in range(1, 5)]
        found: dict[str, NDArray[np.generic]] = {}
        for scale, (_, steps, shares) in enumerate(points, start=1):
            found[f"{axis}{scale}"] = steps
            found[f"shares_{axis}{scale}"] = shares.reshape((1, 1, -1, 1) if axis == "rows" else (1, 1, 1, -1))
        for fine, coarse in FINER_AND_COARSER:
            every = np.arange(span.size(fine))
            found[f"{axis}{fine}in{coarse}"] = positions(points[fine - 1].steps, span, length, fine, coarse)
            found[f"every_{axis}{fine}in{coarse}"] = positions(every, span, length, fine, coarse)
        return [of.where for of in points], {name: self.backend.put(value) for name, value in found.items()}

    def _stem(self, tile: NDArray[np.uint8], maps: list[Array]) -> None:
        """Fill the maps of scales 1 and 2 of a tile, from tiles of their own: those before them have 256 channels."""
        height, width = tile.shape[:2]
        stem = self._part(self.parts.stem())
        for down in _stem_spans(height, self.backend.stem_pixels):
            for across in _stem_spans(width, self.backend.stem_pixels):
                seen = tile[down.start : down.stop, across.start : across.stop]
                for scale, piece in enumerate(stem({"pixels": self.backend.put(seen[None])}), start=1):
                    (row, inner_row), (column, inner_column) = (_core(span, scale) for span in (down, across))
                    maps[scale - 1][..., row, column] = piece[..., inner_row, inner_column]

    def __call__(self, pixels: NDArray[np.uint8], exit_scale: ExitScale = 1, gate_below: float | None = None) -> Output:
        """Detect and localize.

        Args:
            pixels: (H, W, 3) uint8, RGB.
            exit_scale: the finest mask to compute, 1..4, or "auto".
            gate_below: skip the masks where the score is below this.
        """
        features = dict(enumerate(self.features(pixels), start=1))
        head = self.parts.head()
        named = {f"feature{scale}": feature for scale, feature in features.items() if f"feature{scale}" in head.inputs}
        score = float(self.backend.get(self._part(head)(named)[0]).item())
        if gate_below is not None and score < gate_below:
            return Output(score, {})
        masks: dict[int, NDArray[np.float32]] = {}
        coarser: dict[str, Array] = {}
        for scale in range(4, 0, -1):
            mask = self._part(self.parts.scale(scale))({f"feature{scale}": features[scale], **coarser})[0]
            masks[scale] = self.backend.get(mask)[0, 0]
            coarser = {f"mask{scale}": mask}
            if scale == exit_scale or (exit_scale == "auto" and settled(masks, scale)):
                break
        return Output(score, dict(sorted(masks.items())))


SETTLED = 0.01
"""Mean change of a mask's probabilities from one scale to the next below which the next is held to add nothing."""


def change(masks: dict[int, NDArray[np.float32]], scale: int) -> float:
    """Mean absolute difference of the mask of `scale` from the one before, 0..1."""
    mask = masks[scale]
    return float(np.abs(mask - resample(masks[scale + 1], *mask.shape)).mean())


def settled(masks: dict[int, NDArray[np.float32]], scale: int) -> bool:
    """Whether the mask of `scale` differs so little from the one before that the next is not worth its time."""
    return scale + 1 in masks and change(masks, scale) < SETTLED


def _stem_spans(length: int, pixels: int) -> list[Span]:
    """The tiles of the stem along one axis of a tile, as many as make their squares have about `pixels`."""
    most = math.isqrt(pixels)
    pieces = 1 if length <= most else -(-length // (most - 2 * STEM_HALO))
    return cut(length, pieces, STEM_HALO, STEM_ALIGNMENT)


def _core(span: Span, scale: int) -> tuple[slice, slice]:
    """The core of a stem's tile in the whole map of a scale, and in its own."""
    start, stop = map_size(span.core_start, scale), map_size(span.core_stop, scale)
    first = span.start // 2 ** (scale - 1)
    return slice(start, stop), slice(start - first, stop - first)
