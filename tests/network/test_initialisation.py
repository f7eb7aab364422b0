import math

import pytest
import torch
from torch import Tensor, nn

from psccnet.network import Architecture, PSCCNet, initialise
from psccnet.network.hrnet import BasicBlock
from psccnet.network.initialisation import initialise_attention, restart_colours, similarity_layers


def started(**arguments: object) -> PSCCNet:
    """A network in training mode, as at the first step."""
    network = PSCCNet(Architecture(grid=64, **arguments))
    initialise(network, "residual")
    return network.train()


@pytest.fixture
def pictures() -> Tensor:
    """Smooth waves and a little noise, like photographs."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    waves = [torch.sin(x / (3 + i) + i) * torch.cos(y / (5 + i)) for i in range(4)]
    smooth = 0.5 + 0.3 * torch.stack(waves)[:, None].expand(-1, 3, -1, -1)
    return (smooth + 0.02 * torch.randn(4, 3, 64, 64)).clamp(0, 1)


def relative_entropy(response: Tensor) -> float:
    """Mean entropy of rows that sum to 1, as a share of that of uniform rows."""
    entropy = -(response * response.clamp_min(1e-30).log()).sum(dim=-1).mean()
    return entropy.item() / math.log(response.shape[-1])


@pytest.mark.parametrize("shared_embedding", [True, False])
def test_attention_starts_near_uniform(pictures: Tensor, shared_embedding: bool) -> None:
    network = started(shared_embedding=shared_embedding)
    seen: dict[str, Tensor] = {}
    for scale in range(1, 5):
        sccm = getattr(network.bottom_up, f"scale{scale}").sccm
        sccm.register_forward_pre_hook(lambda module, inputs: seen.update({module: inputs[0]}))
    with torch.no_grad():
        network(pictures)
        assert len(seen) == 4
        for sccm, x in seen.items():
            assert relative_entropy(sccm.spatial_response(x)) > 0.95
            tokens = sccm.h(x)
            theta = sccm.theta if shared_embedding else sccm.theta_channel
            phi = sccm.phi if shared_embedding else sccm.phi_channel
            logits = theta(tokens).flatten(2) @ phi(tokens).flatten(2).mT
            assert relative_entropy(torch.softmax(logits, dim=-1)) > 0.9


def test_masks_start_at_one_half(pictures: Tensor) -> None:
    network = started()
    with torch.no_grad():
        masks = network(pictures).mask_logits
    for mask in masks:
        assert torch.sigmoid(mask).mean().item() == pytest.approx(0.5, abs=0.15)


def test_the_second_half_of_the_first_filters_has_no_mean() -> None:
    weight = started().top_down.conv1.weight.detach()
    means = weight.mean(dim=(2, 3))
    assert means[32:].abs().max() < 1e-6
    assert means[:32].abs().mean() > 1e-2
    # So a flat picture leaves no trace in them, and noise does.
    flat = nn.functional.conv2d(torch.full((1, 3, 9, 9), 0.7), weight[32:])
    noise = nn.functional.conv2d(torch.rand(1, 3, 9, 9), weight[32:])
    assert flat.abs().max() < 1e-5
    assert noise.std() > 1e-2


def test_basic_blocks_start_as_identities() -> None:
    network = started()
    blocks = [module for module in network.modules() if isinstance(module, BasicBlock)]
    assert len(blocks) == 2 * (2 + 3 + 4)
    for block in blocks:
        x = torch.rand(2, block.conv1.in_channels, 6, 6)
        assert torch.equal(block(x), x)


def test_released_start_is_small_and_normal() -> None:
    network = PSCCNet(Architecture(grid=32))
    initialise(network, "released")
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    weights = torch.cat([module.weight.detach().flatten() for module in convolutions])
    assert weights.std().item() == pytest.approx(1e-3, rel=0.01)
    assert abs(weights.mean().item()) < 1e-5
    assert all(module.bias is None or not module.bias.any() for module in convolutions)


@pytest.mark.parametrize("scheme", ["residual", "released"])
def test_the_start_follows_the_seed(scheme: str) -> None:
    def weights(seed: int) -> Tensor:
        torch.manual_seed(seed)
        network = PSCCNet(Architecture(grid=32))
        initialise(network, scheme)
        return nn.utils.parameters_to_vector(network.parameters())

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_attention_starts_even_and_can_be_started_again(shared: bool) -> None:
    network = PSCCNet(Architecture(shared_embedding=shared, grid=64))
    layers = similarity_layers(network)
    assert len(layers) == (8 if shared else 16)
    for layer in layers:
        torch.nn.init.normal_(layer.weight, std=1)
    module = network.bottom_up.scale3.sccm
    x = torch.randn(1, 72, 16, 16)
    state = network.state_dict()
    others = {name: value.clone() for name, value in state.items() if "theta" not in name and "phi" not in name}
    assert module.spatial_response(x).max() > 0.9
    initialise_attention(network)
    response = module.spatial_response(x)
    assert response.max() < 5 / response.shape[-1]
    assert all((network.state_dict()[name] == value).all() for name, value in others.items())


def test_colour_filters_see_fine_colours_and_no_grey() -> None:
    network = started()
    before = network.top_down.conv1.weight.detach().clone()
    restart_colours(network)
    first = network.top_down.conv1
    new = (first.weight != before).flatten(1).any(dim=1)
    assert new.sum() == 12
    assert torch.equal(first.weight[~new], before[~new])
    grey = torch.rand(1, 1, 32, 32).expand(-1, 3, -1, -1)
    even = torch.rand(1, 3, 1, 1).expand(-1, -1, 32, 32)
    stripes = torch.zeros(1, 3, 32, 32)
    stripes[:, 0, :, ::2] = 1
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    with torch.no_grad():
        assert first(grey)[inner][:, new].abs().max() < 1e-3 * first(grey)[inner][:, ~new].abs().max()
        assert first(even)[inner][:, new].abs().max() < 1e-5
        seen = first(stripes)[inner][:, new].amax(dim=(0, 2, 3))
    assert (seen > 0.05).sum() >= 4  # both colour differences, across, with either sign


def test_colour_filters_take_the_place_of_those_read_least() -> None:
    network = started()
    with torch.no_grad():
        network.top_down.conv2.weight[:, 5:17] *= 1e-3
    before = network.top_down.conv2.weight.detach().clone()
    restart_colours(network)
    changed = (network.top_down.conv2.weight != before).transpose(0, 1).flatten(1).any(dim=1)
    assert changed.nonzero().flatten().tolist() == list(range(5, 17))


def test_first_filters_of_an_unshuffled_stem_are_high_pass_over_all_phases() -> None:
    network = PSCCNet(Architecture(grid=32, stem="unshuffled"))
    initialise(network)
    flat, high = network.top_down.conv1.weight.detach().unflatten(1, (3, 4)).mean(dim=(2, 3, 4)).abs().split(32)
    assert high.max() < 1e-6
    assert flat.max() > 1e-3
