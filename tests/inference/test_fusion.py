import numpy as np

from psccnet.evidence import Finding
from psccnet.inference.fusion import DIMMED, OUTLINED, fuse

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
