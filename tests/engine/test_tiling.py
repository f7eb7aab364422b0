"""Tiles cover everything once, are all of one size, and their halo is as wide as what features see."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from psccnet.engine.tiling import (
    ALIGNMENT,
    HALO,
    STEM_HALO,
    STEM_RADIUS,
    cut,
    grid_points,
    map_size,
    plan,
    positions,
    receptive_radii,
    tile_size,
)

from ..conftest import network_as_trained


@given(st.integers(1, 5000), st.integers(1, 40), st.sampled_from([(HALO, ALIGNMENT), (STEM_HALO, 2)]))
@example(2 * HALO + 1, 2, (HALO, ALIGNMENT))
def test_cores_cover_an_axis_once(length: int, pieces: int, kind: tuple[int, int]) -> None:
    halo, alignment = kind
    spans = cut(length, pieces, halo, alignment)
    assert spans[0].core_start == 0
    assert spans[-1].core_stop == length
    assert {span.stop - span.start for span in spans} == {tile_size(length, pieces, halo, alignment)}
    for before, after in itertools.pairwise(spans):
        assert before.core_stop == after.core_start
    for span in spans:
        assert 0 <= span.start <= span.core_start <= span.core_stop <= span.stop <= length
        assert span.start % alignment == 0
        assert span.start == 0 or span.core_start - span.start >= halo
        assert span.stop == length or span.stop - span.core_stop >= halo
        # Maps of coarser scales end where the picture's do, or at a whole number of their steps.
        assert span.stop == length or (span.stop - length) % alignment == 0 or span.stop % alignment == 0


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(90_000, 3_000_000))
def test_plans_keep_to_the_size_of_a_tile(height: int, width: int, tile_cells: int) -> None:
    rows, columns = plan(height, width, tile_cells)
    tile = (rows[0].stop - rows[0].start) * (columns[0].stop - columns[0].start)
    # Less than two halos and some rows cannot be had.
    assert tile <= max(tile_cells, (4 * HALO + ALIGNMENT) ** 2)
    if height * width <= tile_cells:
        assert len(rows) == len(columns) == 1


@given(st.integers(1, 3000), st.integers(1, 12), st.integers(1, 4), st.sampled_from([4, 16, 32, 128, 256]))
def test_every_point_of_a_grid_lies_in_one_tile(length: int, pieces: int, scale: int, side: int) -> None:
    spans = cut(length, pieces)
    whole = map_size(length, scale)
    values = np.random.default_rng(0).random(whole)
    at = np.arange(side) * ((whole - 1) / (side - 1))
    sampled = np.full(side, np.nan)
    counts = set()
    for span in spans:
        points = grid_points(span, length, scale, side)
        counts.add(len(points.steps))
        first = span.start // 2 ** (scale - 1)
        tile = values[first : first + span.size(scale)]
        pairs = (tile[points.steps] * points.shares).reshape(-1, 2).sum(axis=1)
        here = pairs[: points.where.stop - points.where.start]
        assert np.isnan(sampled[points.where]).all()
        sampled[points.where] = here
    assert len(counts) == 1
    assert min(counts) >= 2
    np.testing.assert_allclose(sampled, np.interp(at, np.arange(whole), values), atol=1e-5)


@given(st.integers(16, 3000), st.integers(2, 6), st.sampled_from([(1, 2), (1, 4), (2, 3), (3, 4)]))
def test_positions_are_those_of_the_whole_picture(length: int, pieces: int, pair: tuple[int, int]) -> None:
    fine, coarse = pair
    for span in cut(length, pieces):
        first, last = span.core_start // 2 ** (fine - 1), map_size(span.core_stop, fine)
        begin = span.start // 2 ** (fine - 1)
        found = positions(np.arange(first - begin, last - begin), span, length, fine, coarse)
        in_tile = (found.astype(np.float64) + 1) / 2 * (span.size(coarse) - 1) + span.start // 2 ** (coarse - 1)
        wanted = np.arange(first, last) * ((map_size(length, coarse) - 1) / max(1, map_size(length, fine) - 1))
        np.testing.assert_allclose(in_tile, wanted, atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("at", [(96, 96), (70, 83)])
def test_features_see_no_further_than_their_radius(at: tuple[int, int]) -> None:
    network = network_as_trained().double()
    assert max(radius + 2**scale for scale, radius in enumerate(receptive_radii())) <= HALO
    picture = torch.rand(1, 3, 176, 171, dtype=torch.float64)
    changed = picture.clone()
    changed[..., at[0], at[1]] += 0.7
    with torch.inference_mode():
        stems = zip(network.top_down.stem(picture), network.top_down.stem(changed), strict=True)
        maps = zip(network.top_down(picture), network.top_down(changed), strict=True)
    reached = []
    for radius, unit, (one, other) in [
        *((STEM_RADIUS, 2**scale, pair) for scale, pair in enumerate(stems)),
        *((radius, 2**scale, pair) for scale, (radius, pair) in enumerate(zip(receptive_radii(), maps, strict=True))),
    ]:
        rows, columns = torch.nonzero((one - other).abs().amax(dim=(0, 1)), as_tuple=True)
        away = max(int((rows * unit - at[0]).abs().max()), int((columns * unit - at[1]).abs().max()))
        assert away <= radius
        reached.append(away)
    assert reached[0] == STEM_RADIUS
    assert reached[2] >= 60  # the bound is not idle
