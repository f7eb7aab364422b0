"""What is counted is what there is to compute, and every second is somebody's."""

import io
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from psccnet.engine.convert import to_onnx
from psccnet.engine.find import find_graphs
from psccnet.engine.graphs import Whole, prepared
from psccnet.engine.timing import STEPS, bandwidth, count, measure, peak_flops, whole_picture
from psccnet.inference import Detector
from psccnet.network.architecture import Stem

from ..conftest import graphs_of, trained


@pytest.fixture(scope="module")
def in_one_piece() -> Callable[[Stem], bytes]:
    """The graph of the network of `trained`."""
    return cache(lambda stem: to_onnx(Whole(prepared(trained(stem=stem))), [torch.zeros(1, 64, 96, 3).byte()]))


@pytest.mark.slow
@pytest.mark.parametrize("stem", ["full", "unshuffled"])
@pytest.mark.parametrize("size", [(64, 96), (33, 50)])
def test_flop_are_those_that_torch_counts(
    size: tuple[int, int], stem: Stem, in_one_piece: Callable[[Stem], bytes]
) -> None:
    network = trained(stem=stem)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.rand(1, 3, *size))
    exact, _ = count(in_one_piece(stem), {"pixels": (1, *size, 3)})
    flop, values = whole_picture(graphs_of(network), network.architecture, *size)
    # torch's counter knows nothing of the attention that it fuses on processors.
    fused = sum(4 * tokens**2 * width for tokens, width in ((256, 288), (256, 144), (64, 288), (64, 144)))
    assert exact == pytest.approx(counter.get_total_flops() + fused, rel=1e-4)
    # In parts, channel logits are computed twice, and the last fusion at points only.
    assert flop == pytest.approx(exact, rel=0.15)
    assert values > 64 * size[0] * size[1] * 20 / network.architecture.cell**2


def test_a_convolution_and_a_product_are_counted() -> None:
    layer = torch.nn.Conv2d(3, 8, 3, padding=1)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(layer, (torch.zeros(1, 3, 10, 20),), stream, dynamo=False, input_names=["x"])
    assert count(stream.getvalue(), {"x": (1, 3, 10, 20)}) == (2 * 8 * 3 * 9 * 200, 200 * (3 + 8))


@pytest.mark.slow
def test_every_second_is_counted(detector: Detector, weights_file: Path) -> None:
    small, large = measure(detector.engine, find_graphs(weights_file)[0], [(40, 56), (330, 300)], repeats=2)
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
