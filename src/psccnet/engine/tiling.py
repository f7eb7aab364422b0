"""Tiles for the stem and for stages 2 to 4; the result is the same as on the whole picture.

A tile has a halo as wide as the receptive field. Tiles start at multiples of 8, so that the maps of coarser scales
start at the same place. Resampling uses coordinates of the whole picture. All tiles of a picture have the same size, so
that a backend compiles for one size. The axes are independent: a tile is a span of rows and a span of columns.

Lengths are in cells. A cell is a point of F_1: one pixel, or 2 x 2 pixels with the unshuffled stem.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 8
"""Tiles start at multiples of this: one point of F_4 covers 8 cells."""
STEM_ALIGNMENT = 2
"""Tiles of the stem start at even cells, because of its map of half resolution."""
STEM_RADIUS = 5
"""Receptive radius of stem, stage 1 and the first transition, which is five 3x3 convolutions at full resolution."""
STEM_HALO = 6
"""`STEM_RADIUS` rounded up to an even number, because of the map of half resolution."""


def receptive_radii() -> tuple[int, int, int, int]:
    """The receptive radii of F_1..F_4 in cells: they do not depend on cells farther away.

    A 3x3 convolution at scale k reaches 2^(k-1) cells. Resampling by a factor f to scale k with aligned corners reads
    at most 2f - 2 steps of scale k away, since its coordinates differ from even spacing by less than one.

    Examples:
        >>> receptive_radii()
        (81, 79, 75, 67)
    """
    radii = [STEM_RADIUS, STEM_RADIUS]
    for stage in range(3):
        radii = [radius + 4 * 2**scale for scale, radius in enumerate(radii)]  # two blocks of two convolutions
        fused = []
        for target in range(len(radii)):
            # Strided convolutions from s to the target reach 2^s + ... + 2^(target - 1).
            down = [radii[s] + 2**target - 2**s for s in range(target)]
            up = [radii[s] + 2 * (2**s - 2**target) for s in range(target + 1, len(radii))]
            fused.append(max([radii[target], *down, *up]))
        radii = fused
        if stage < 2:
            radii.append(radii[-1] + 2 ** (len(radii) - 1))  # the transition to a new scale
    return radii[0], radii[1], radii[2], radii[3]


HALO = -(-max(radius + 2**scale for scale, radius in enumerate(receptive_radii())) // ALIGNMENT) * ALIGNMENT
"""Width of the halo in cells: the receptive radius, and one neighbour for bilinear sampling."""


@dataclass(frozen=True)
class Span:
    """A tile along one axis, in cells.

    Attributes:
        start: of the tile with its halo.
        stop: of the tile with its halo.
        core_start: of the core, in which results are exact; cores are adjacent and cover the picture.
        core_stop: of the core.
    """

    start: int
    stop: int
    core_start: int
    core_stop: int

    def size(self, scale: int) -> int:
        """Length of the tile in the map of a scale, 1..4."""
        return map_size(self.stop - self.start, scale)


def map_size(length: int, scale: int) -> int:
    """Length of the map of a scale, 1..4, for `length` cells.

    Examples:
        >>> [map_size(1000, scale) for scale in (1, 2, 3, 4)]
        [1000, 500, 250, 125]
    """
    return -(-length >> (scale - 1))


def tile_size(length: int, pieces: int, halo: int = HALO, alignment: int = ALIGNMENT) -> int:
    """Length of `pieces` equal tiles that cover `length` and start at multiples of `alignment`.

    Examples:
        >>> tile_size(1000, pieces=1), tile_size(1000, pieces=2)
        (1000, 592)
    """
    least = -(-(length + (pieces - 1) * (2 * halo + alignment - 1)) // pieces)
    return min(length, least + (length - least) % alignment)


def cut(length: int, pieces: int, halo: int = HALO, alignment: int = ALIGNMENT) -> list[Span]:
    """Cut an axis into tiles of one size; their cores are at least `halo` away from ends inside the picture.

    Examples:
        >>> [(span.start, span.stop, span.core_start, span.core_stop) for span in cut(1000, 2)]
        [(0, 592, 0, 496), (408, 1000, 496, 1000)]
    """
    size = tile_size(length, pieces, halo, alignment)
    if size == length:
        return [Span(0, length, 0, length)]
    starts = [i * (length - size) // ((pieces - 1) * alignment) * alignment for i in range(pieces)]
    borders = [0, *(start + halo for start in starts[1:]), length]
    return [Span(start, start + size, *core) for start, core in zip(starts, pairwise(borders), strict=True)]


def plan(height: int, width: int, tile_cells: int) -> tuple[list[Span], list[Span]]:
    """The tiles of a picture: of all cuts into tiles of at most `tile_cells`, the one with the least computation.

    Returns:
        Spans of rows and of columns; each pair of them is a tile.

    Examples:
        >>> rows, columns = plan(1080, 1920, tile_cells=1 << 20)
        >>> len(rows), len(columns), rows[0].size(1) * columns[0].size(1) <= 1 << 20
        (1, 3, True)
    """
    best = math.inf
    chosen = _most_pieces(height), _most_pieces(width)
    for down in range(1, chosen[0] + 1):
        rows = tile_size(height, down)
        across = next((n for n in range(1, _most_pieces(width) + 1) if tile_size(width, n) * rows <= tile_cells), 0)
        if across and (work := down * rows * across * tile_size(width, across)) < best:
            best, chosen = work, (down, across)
    return cut(height, chosen[0]), cut(width, chosen[1])


def _most_pieces(length: int) -> int:
    """The largest number of tiles along an axis; with more, tiles would be mostly halo."""
    most: int = length // HALO
    return max(1, most)


def normalised(at: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """Scale positions in a map of `size` to -1..1, its outermost points; positions outside are clipped.

    Examples:
        >>> normalised(np.array([0.0, 1.0, 2.0, 9.0]), size=3).tolist()
        [-1.0, 0.0, 1.0, 1.0]
    """
    if size == 1:
        return np.zeros(len(at), dtype=np.float32)
    return np.clip(2 * at / (size - 1) - 1, -1, 1).astype(np.float32)


def positions(steps: NDArray[np.integer], span: Span, length: int, fine: int, coarse: int) -> NDArray[np.float32]:
    """Positions of steps of scale `fine` in a tile's map of scale `coarse`, from coordinates of the whole picture.

    Args:
        steps: indices of rows or columns in the tile's map of the finer scale.
        span: the tile along one axis.
        length: of the picture along that axis, in cells.
        fine: scale, 1..3.
        coarse: scale, 2..4.

    Returns:
        float32, -1..1, one for each step.
    """
    whole_fine, whole_coarse = map_size(length, fine), map_size(length, coarse)
    ratio = (whole_coarse - 1) / (whole_fine - 1) if whole_fine > 1 else 0.0
    at = (steps + span.start // 2 ** (fine - 1)) * ratio - span.start // 2 ** (coarse - 1)
    return normalised(at, span.size(coarse))


class Points(NamedTuple):
    """The points of a fixed grid along an axis that are in a tile's core.

    Attributes:
        where: their range in the grid.
        steps: (2n,) int32: for each point, the two rows or columns of the tile's map between which it is.
        shares: (2n,) float32: their weights.
    """

    where: slice
    steps: NDArray[np.int32]
    shares: NDArray[np.float32]


def grid_points(span: Span, length: int, scale: int, side: int) -> Points:
    """The points of a fixed grid along an axis that are in a tile's core.

    Args:
        span: the tile along one axis.
        length: of the picture along that axis, in cells.
        scale: 1..4.
        side: number of points of the grid at that scale.

    Returns:
        The points; each belongs to exactly one tile. `steps` and `shares` are padded at the end, since all tiles of a
        picture sample the same number of points.
    """
    unit = 2 ** (scale - 1)
    at = np.arange(side) * ((map_size(length, scale) - 1) / (side - 1))
    lower = np.floor(at).astype(np.int32)
    first, last = np.searchsorted(lower, [span.core_start // unit, map_size(span.core_stop, scale)])
    share = (at - lower)[first:last]
    lower = lower[first:last] - span.start // unit
    steps = np.stack([lower, np.minimum(lower + 1, span.size(scale) - 1)], axis=1).astype(np.int32)
    shares = np.stack([1 - share, share], axis=1).astype(np.float32)
    spare = ((0, most_points(span, length, side) - len(share)), (0, 0))
    where = slice(int(first), int(last))
    return Points(where, np.pad(steps, spare).ravel(), np.pad(shares, spare).ravel())


def most_points(span: Span, length: int, side: int) -> int:
    """The largest number of points, of a grid of `side`, that a tile of this size can have; at least one.

    Examples:
        >>> most_points(Span(0, 500, 0, 250), length=1000, side=128)
        66
    """
    return min(side, 2 + side * (span.stop - span.start) // length)


def coordinates(axis: str, span: Span, length: int, grid: int) -> tuple[list[slice], dict[str, NDArray[np.generic]]]:
    """The inputs of `psccnet.engine.graphs.Stages` for a tile along an axis.

    Args:
        axis: "rows" or "columns".
        span: the tile along it.
        length: of the picture along it, in cells.
        grid: number of points of the fixed grid of scale 1.

    Returns:
        For scales 1..4, the range of the tile's points in the grid; and the inputs by name.
    """
    points = [grid_points(span, length, scale, grid >> (scale - 1)) for scale in range(1, 5)]
    found: dict[str, NDArray[np.generic]] = {}
    for scale, (_, steps, shares) in enumerate(points, start=1):
        found[f"{axis}{scale}"] = steps
        found[f"shares_{axis}{scale}"] = shares.reshape((1, 1, -1, 1) if axis == "rows" else (1, 1, 1, -1))
    for fine in range(1, 4):
        every = np.arange(span.size(fine))
        for coarse in range(fine + 1, 5):
            found[f"{axis}{fine}in{coarse}"] = positions(points[fine - 1].steps, span, length, fine, coarse)
            if coarse < 4:
                found[f"every_{axis}{fine}in{coarse}"] = positions(every, span, length, fine, coarse)
    return [of_scale.where for of_scale in points], found
