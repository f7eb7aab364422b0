import numpy as np

from psccnet.evidence import Finding
from psccnet.evidence.colour_detail import FARTHEST
from psccnet.inference.fusion import COLOUR_WEIGHT, COMPRESSION_WEIGHT, DIMMED, MOST_SURE, OUTLINED, fuse

MASK = np.full((20, 30), 0.4, np.float32)
COPY = np.zeros((20, 30), np.float32)
COPY[5:10, 5:10] = 1


def test_a_copy_is_laid_over_the_mask() -> None:
    fused = fuse(MASK, [Finding("copy-move", "", significant=True, map=COPY)], network_speaks=False)
    assert np.allclose(fused[5:10, 5:10], OUTLINED)
    assert np.allclose(fused[12:], 0.4 * DIMMED)
    assert np.all(np.float32(0.4) == MASK), "the network's own mask stays"


def test_the_network_keeps_what_it_found() -> None:
    fused = fuse(MASK, [Finding("copy-move", "", significant=True, map=COPY)], network_speaks=True)
    assert np.allclose(fused[12:], 0.4)


def test_nothing_significant_changes_nothing() -> None:
    assert fuse(MASK, [Finding("copy-move", "", map=COPY)], network_speaks=False) is MASK


def test_finer_colours_raise_the_mask_and_coarser_ones_lower_it() -> None:
    colours = np.full((20, 30), 0.5, np.float32)
    colours[:, :5], colours[:, 25:] = 1, 0

    fused = fuse(MASK, [Finding("colours", "", map=colours)], network_speaks=False)

    np.testing.assert_allclose(fused[:, 10:20], 0.4, atol=1e-5)
    odds = 0.4 / 0.6 * np.exp(np.array([COLOUR_WEIGHT, -COLOUR_WEIGHT]) * FARTHEST)
    np.testing.assert_allclose(fused[:, [2, 27]], np.broadcast_to(odds / (1 + odds), (20, 2)), rtol=1e-4)
    assert np.all(np.float32(0.4) == MASK), "the network's own mask stays"


def test_colours_do_not_stand_in_for_a_mask_that_was_not_computed() -> None:
    empty = np.zeros_like(MASK)
    assert fuse(empty, [Finding("colours", "", map=np.ones_like(MASK))], network_speaks=False) is empty


def test_what_was_compressed_once_rises_and_what_was_compressed_twice_falls() -> None:
    once = np.full((20, 30), 0.5, np.float32)
    once[:, :5], once[:, 25:] = 1, 0

    fused = fuse(MASK, [Finding("double-compression", "", map=once)], network_speaks=False)

    np.testing.assert_allclose(fused[:, 10:20], 0.4, atol=1e-5)
    odds = 0.4 / 0.6 * np.exp(np.array([1, -1]) * COMPRESSION_WEIGHT * MOST_SURE)
    np.testing.assert_allclose(fused[:, [2, 27]], np.broadcast_to(odds / (1 + odds), (20, 2)), rtol=1e-4)


def test_what_is_everywhere_compressed_once_stays_as_it_is() -> None:
    fused = fuse(MASK, [Finding("double-compression", "", map=np.full_like(MASK, 0.9))], network_speaks=False)
    np.testing.assert_allclose(fused, MASK, atol=1e-5)
