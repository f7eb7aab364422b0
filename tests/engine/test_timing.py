"""What is counted is what there is to compute, and every second is somebody's."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from psccnet.engine.counting import count
from psccnet.engine.timing import STEPS, bandwidth, measure, peak_flops
from psccnet.inference import Detector

from ..conftest import network_as_trained
from .test_engine import engine_of


@pytest.mark.parametrize("size", [(64, 96), (33, 50)])
def test_flop_are_those_that_torch_counts(size: tuple[int, int]) -> None:
    network = network_as_trained()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.rand(1, 3, *size))
    flop, values = count(engine_of(network).parts.whole(), {"pixels": (1, *size, 3)})
    # torch's counter knows nothing of the attention that it fuses on processors.
    fused = sum(4 * tokens**2 * width for tokens, width in ((256, 288), (256, 144), (64, 288), (64, 144)))
    assert flop == pytest.approx(counter.get_total_flops() + fused, rel=1e-4)
    assert values > 64 * size[0] * size[1] * 20


def test_every_second_is_counted(detector: Detector) -> None:
    small, large = measure(detector.engine, [(40, 56), (330, 300)], repeats=2)
    assert (small.height, small.width, large.height) == (40, 56, 330)
    for one in (small, large):
        assert set(one.steps) == set(STEPS)
        assert sum(one.steps.values()) == pytest.approx(one.seconds)
        assert min(one.steps.values()) > 0
    assert large.seconds > small.seconds
    assert 0.9 < small.flop_done / small.flop < 1.2
    assert np.isclose(detector.engine(np.zeros((40, 56, 3), np.uint8)).score, 0.5, atol=0.5)


def test_bounds_are_of_this_world(detector: Detector) -> None:
    assert 1e8 < peak_flops(detector.engine, repeats=2) < 1e15
    assert 1e8 < bandwidth(repeats=1) < 1e13
