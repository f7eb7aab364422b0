import numpy as np
import pytest

from psccnet.evidence import Finding
from psccnet.inference.fusion import DIMMED, FILTER_WEIGHT, MOST_SURE, OUTLINED, SQUARE_WEIGHT, fuse

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


def test_a_mask_that_was_not_computed_stays_empty() -> None:
    empty = np.zeros_like(MASK)
    assert fuse(empty, [Finding("square-statistics", "", map=np.ones_like(MASK))], network_speaks=False) is empty


@pytest.mark.parametrize(("trace", "weight"), [("square-statistics", SQUARE_WEIGHT), ("colour-filter", FILTER_WEIGHT)])
def test_what_differs_from_the_rest_rises_and_the_rest_falls(trace: str, weight: float) -> None:
    differs = np.full((20, 30), 0.5, np.float32)
    differs[:, :5], differs[:, 25:] = 0.85, 0.15

    fused = fuse(MASK, [Finding(trace, "", map=differs)], network_speaks=False)

    np.testing.assert_allclose(fused[:, 10:20], 0.4, atol=1e-5)
    odds = 0.4 / 0.6 * (0.85 / 0.15) ** np.array([weight, -weight])
    np.testing.assert_allclose(fused[:, [2, 27]], np.broadcast_to(odds / (1 + odds), (20, 2)), rtol=1e-4)
    assert np.all(np.float32(0.4) == MASK), "the network's own mask stays"


def test_more_than_the_surest_is_worth_no_more() -> None:
    lacks = np.full((20, 30), 0.5, np.float32)
    lacks[:, :5] = 1
    fused = fuse(MASK, [Finding("colour-filter", "", map=lacks)], network_speaks=False)
    odds = 0.4 / 0.6 * np.exp(FILTER_WEIGHT * MOST_SURE["colour-filter"])
    assert fused[10, 2] == pytest.approx(odds / (1 + odds), rel=1e-4)


def test_what_the_whole_picture_lacks_changes_nothing() -> None:
    fused = fuse(MASK, [Finding("colour-filter", "", map=np.full_like(MASK, 0.9))], network_speaks=False)
    np.testing.assert_allclose(fused, MASK, atol=1e-5)
