"""The responses beside a detection are those of the network's own modules."""

from pathlib import Path

import numpy as np
import pytest

from psccnet.errors import InputError
from psccnet.experiments.sccm_responses import responses
from psccnet.inference import Detector, load_detector
from psccnet.inference.attention import Attention, check, watched
from psccnet.network.architecture import Architecture
from psccnet.weights import load_network

from ..conftest import texture, untrained

PICTURE = texture(3, 90, 130)
POINTS = [(0, 0), (129, 89), (70, 30)]


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the stem whose untrained features are not 0 at any scale."""
    return untrained(tmp_path_factory.mktemp("weights"), "full")


@pytest.fixture(scope="module")
def detector(weights_file: Path) -> Detector:
    return load_detector(weights_file, device="cpu", precision="float32")


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_they_are_the_networks(detector: Detector, weights_file: Path, scale: int) -> None:
    with watched(detector.engine) as kept:
        detector.detect(PICTURE)
    assert sorted(kept) == [1, 2, 3, 4]
    attention = Attention(weights_file)
    expected = responses(load_network(weights_file)[0], PICTURE, POINTS, scale)
    for point, wanted in zip(POINTS, expected.spatial, strict=True):
        found = attention.spatial(kept[scale], scale, (point[0] / 130, point[1] / 90))
        assert found.shape == wanted.shape
        assert found.sum() == pytest.approx(1, abs=1e-5)
        assert np.abs(found - wanted).max() < 1e-3 * wanted.max()
    assert np.abs(kept[scale][0] - expected.x).max() < 1e-3 * np.abs(expected.x).max()
    y_c = attention.channel(kept[scale], scale)
    assert y_c.shape == kept[scale].shape
    assert np.abs(y_c[0] - expected.y_c).max() < 1e-3 * np.abs(expected.y_c).max()


def test_what_was_not_computed_is_not_kept(detector: Detector) -> None:
    with watched(detector.engine) as kept:
        detector.detect(PICTURE, exit_scale=3)
    assert min(kept) <= 3
    assert 1 not in kept
    assert detector.engine.observer is None


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        (Architecture(attention="channel"), "channel attention"),
        (Architecture(attention="none"), "none attention"),
        (Architecture(variant="released"), "released network's h mixes rows"),
    ],
)
def test_networks_without_responses(architecture: Architecture, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check(architecture)
