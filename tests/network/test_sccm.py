import itertools
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from psccnet.network.bottom_up import BottomUpPath, modulated
from psccnet.network.sccm import SCCM, Attention, Variant

VARIANTS = get_args(Variant)


def test_a_token_of_the_paper_is_one_block() -> None:
    x = torch.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    tokens = SCCM(3, 2).h(x)
    assert tokens.shape == (2, 12, 2, 3)
    # By hand: the top right block of the first channel of the first picture, then of the last of the second.
    assert tokens[0, :4, 0, 2].tolist() == [4, 5, 10, 11]
    assert tokens[1, 8:, 1, 0].tolist() == [132, 133, 138, 139]
    for row, column in itertools.product(range(2), range(3)):
        block = x[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert torch.equal(tokens[:, :, row, column], block.flatten(1))


def test_h_of_the_released_code_is_a_raw_reshape() -> None:
    x = torch.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    tokens = SCCM(3, 2, "released").h(x)
    assert tokens.shape == (2, 12, 2, 3)
    assert torch.equal(tokens.flatten(), x.flatten())
    assert not torch.equal(tokens, SCCM(3, 2, "paper").h(x))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("ratio", [1, 2, 4])
def test_h_inverse_undoes_h(variant: Variant, ratio: int) -> None:
    x = torch.rand(2, 3, 8, 12)
    sccm = SCCM(3, ratio, variant)
    assert torch.equal(sccm.h_inverse(sccm.h(x)), x)
    # Maps whose channels lie next to each other in memory, as in training.
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(sccm.h(last), sccm.h(x))
    assert torch.equal(sccm.h_inverse(sccm.h(last)), x)


def linear(layer: torch.nn.Conv2d, rows: Tensor) -> Tensor:
    """A 1x1 convolution on token rows (B, N, C)."""
    assert layer.bias is not None
    return rows @ layer.weight[:, :, 0, 0].T + layer.bias


def written_out(sccm: SCCM, x: Tensor) -> Tensor:
    """Eqs. 2 to 4 as they stand, h and its inverse aside."""
    batch, channels, height, width = x.shape
    tokens = sccm.h(x)
    grid = tokens.shape[-2:]
    rows = tokens.flatten(2).mT
    g, theta, phi = (linear(layer, rows) for layer in (sccm.g, sccm.theta, sccm.phi))
    z = x
    if sccm.spatial:
        y = torch.softmax(theta @ phi.mT, dim=2) @ g
        z = z + sccm.alpha_s * sccm.omega_s(sccm.h_inverse(y.mT.unflatten(2, grid)))
    if sccm.channel:
        if sccm.spatial and not sccm.shared_embedding:
            theta, phi = linear(sccm.theta_channel, rows), linear(sccm.phi_channel, rows)
        y = g @ torch.softmax(theta.mT @ phi, dim=2)
        if sccm.variant == "paper":
            z = z + sccm.alpha_c * sccm.omega_c(sccm.h_inverse(y.mT.unflatten(2, grid)))
        else:
            z = z + sccm.alpha_c * sccm.omega_c(y.reshape(batch, channels, height, width))
    return z


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("attention", ["both", "spatial", "channel"])
@pytest.mark.parametrize("shared_embedding", [True, False])
def test_fused_attention_is_what_the_equations_say(
    variant: Variant, attention: Attention, shared_embedding: bool
) -> None:
    sccm = SCCM(4, 2, variant, attention, shared_embedding).double()
    with torch.no_grad():
        for name, parameter in sccm.named_parameters():
            if name.startswith("alpha"):
                parameter.fill_(0.7 if name == "alpha_s" else 1.3)
    x = torch.randn(2, 4, 8, 6, dtype=torch.float64)
    # The channel branch's softmax is in single precision.
    torch.testing.assert_close(sccm(x), written_out(sccm, x), rtol=1e-5, atol=1e-5)


def test_the_attention_matrix_is_not_formed() -> None:
    """Fused kernels exist for contiguous (B, heads, tokens, channels) only; others fall back to N x N."""
    sccm = SCCM(4, 2)
    x = torch.randn(1, 4, 32, 32)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        sccm(x)
    names = {event.key for event in profile.key_averages()}
    assert not any(name.endswith("attention_math") for name in names)
    assert any("scaled_dot_product" in name for name in names)


@pytest.mark.parametrize("variant", VARIANTS)
def test_spatial_response_is_the_softmax_of_eq_2(variant: Variant) -> None:
    sccm = SCCM(4, 2, variant)
    x = torch.randn(2, 4, 8, 6)
    response = sccm.spatial_response(x)
    assert response.shape == (2, 12, 12)
    torch.testing.assert_close(response.sum(dim=2), torch.ones(2, 12))
    g, _, _ = sccm.embeddings(x)
    y = sccm.h_inverse((response @ g).mT.unflatten(2, (4, 3)))
    sccm.channel = False
    torch.testing.assert_close(sccm(x), x + sccm.omega_s(y))


def test_without_attention_nothing_happens() -> None:
    sccm = SCCM(4, 2, attention="none")
    x = torch.randn(1, 4, 8, 8)
    assert torch.equal(sccm(x), x)
    assert not list(sccm.parameters())


def test_prior_of_eq_1_is_the_coarser_mask_upsampled() -> None:
    feature = torch.rand(1, 2, 3, 3)
    assert modulated(feature, None) is feature
    mask = torch.tensor([[0.2, 0.4], [0.6, 0.8]])
    # Aligned corners: the middle of 3 is halfway between the 2.
    upsampled = torch.tensor([[0.2, 0.3, 0.4], [0.4, 0.5, 0.6], [0.6, 0.7, 0.8]])
    torch.testing.assert_close(modulated(feature, torch.logit(mask)[None, None]), feature * upsampled)


def test_each_mask_follows_from_the_one_before() -> None:
    path = BottomUpPath().eval()
    features = [torch.rand(1, c, side, side) for c, side in ((18, 32), (36, 16), (72, 8), (144, 4))]
    with torch.inference_mode():
        m1, m2, m3, m4 = path(features)
        torch.testing.assert_close(m4, path.scale4(features[3]))
        for scale, mask, coarser in ((3, m3, m4), (2, m2, m3), (1, m1, m2)):
            feature = features[scale - 1]
            prior = functional.interpolate(
                torch.sigmoid(coarser), feature.shape[-2:], mode="bilinear", align_corners=True
            )
            torch.testing.assert_close(mask, getattr(path, f"scale{scale}")(prior * feature))
