import numpy as np
import pytest
import torch

from psccnet.experiments.sccm_responses import choose_points, responses
from psccnet.network import Architecture, PSCCNet
from psccnet.network.bottom_up import modulated

from ..conftest import network_as_trained, texture

PICTURE = texture(4, 60, 90)


@pytest.mark.parametrize(("scale", "side", "tokens"), [(1, 64, 16), (2, 32, 16), (3, 16, 8), (4, 8, 8)])
def test_responses_are_those_of_the_module(scale: int, side: int, tokens: int) -> None:
    network = network_as_trained(64)
    found = responses(network, PICTURE, [(0, 0), (89, 59), (45, 20)], scale)
    assert found.x.shape == found.y_c.shape == (side, side)
    assert [one.shape for one in found.spatial] == [(tokens, tokens)] * 3
    assert all(one.sum() == pytest.approx(1, abs=1e-4) for one in found.spatial)
    with torch.inference_mode():
        features = network.extract(torch.from_numpy(PICTURE).permute(2, 0, 1)[None].float() / 255)
        x = features[scale - 1]
        if scale < 4:
            x = modulated(x, network.bottom_up(features, scale + 1)[0])
        module = getattr(network.bottom_up, f"scale{scale}").sccm
        attention = module.spatial_response(x)[0]
    assert found.x == pytest.approx(x[0, 0].numpy())
    for point, row in (((0, 0), 0), ((89, 59), tokens**2 - 1)):
        at = [(0, 0), (89, 59)].index(point)
        assert found.spatial[at].ravel() == pytest.approx(attention[row].numpy())
    across, down = 45 * tokens // 90, 20 * tokens // 60
    assert found.spatial[2].ravel() == pytest.approx(attention[down * tokens + across].numpy())


@pytest.mark.parametrize("shared", [True, False])
def test_the_channel_response_is_what_the_module_adds(shared: bool) -> None:
    torch.manual_seed(0)
    module = PSCCNet(Architecture(shared_embedding=shared, grid=64)).bottom_up.scale3.sccm.eval()
    x = torch.randn(1, 72, 16, 16)
    with torch.inference_mode():
        module.alpha_s.zero_()
        expected = x + module.alpha_c * module.omega_c(module.channel_response(x))
        assert torch.allclose(module(x), expected, atol=1e-5)


def test_what_cannot_be_looked_at() -> None:
    network = network_as_trained(64)
    with pytest.raises(ValueError, match=r"point \(90, 0\) lies outside the picture, which is 90 x 60"):
        responses(network, PICTURE, [(90, 0)])
    with pytest.raises(ValueError, match="not 5"):
        responses(network, PICTURE, [(0, 0)], scale=5)
    with pytest.raises(ValueError, match="mixes rows"):
        responses(PSCCNet(Architecture(variant="released", grid=64)).eval(), PICTURE, [(0, 0)])
    with pytest.raises(ValueError, match="spatial attention"):
        responses(PSCCNet(Architecture(attention="spatial", grid=64)).eval(), PICTURE, [(0, 0)])


def test_points_lie_where_they_are_said_to() -> None:
    truth = np.zeros((40, 60), bool)
    truth[10:30, 10:50] = True
    first, second, third = choose_points(truth)
    assert truth[first[1], first[0]]
    assert truth[second[1], second[0]]
    assert not truth[third[1], third[0]]
    assert np.hypot(first[0] - second[0], first[1] - second[1]) > 8
    assert len(set(choose_points(np.zeros((40, 60), bool)))) == 3
    thin = np.zeros((5, 5), bool)
    thin[2, 2] = True
    assert choose_points(thin)[:2] == [(2, 2), (2, 2)]
