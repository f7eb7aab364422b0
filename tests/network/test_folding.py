"""Folded batch norm changes neither the outputs nor what is learnt."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from psccnet.network import Prediction, PSCCNet
from psccnet.network.folding import conv_norm_pairs, fold_batch_norm, folded_parameters

from ..conftest import network_as_trained


@pytest.fixture(scope="module")
def network() -> PSCCNet:
    return network_as_trained()


def outputs(prediction: Prediction) -> list[Tensor]:
    masks, detection, _ = prediction
    return [*(torch.sigmoid(mask) for mask in masks), detection]


def test_every_batch_norm_has_its_convolution(network: PSCCNet) -> None:
    pairs = conv_norm_pairs(network)
    norms = {name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert sorted(pairs.values()) == sorted(norms)
    for conv, norm in pairs.items():
        assert network.get_submodule(conv).out_channels == network.get_submodule(norm).num_features


def test_folded_batch_norm_changes_no_output(network: PSCCNet) -> None:
    folded = fold_batch_norm(deepcopy(network))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    picture = torch.rand(2, 3, 41, 58)
    with torch.inference_mode():
        for one, other in zip(outputs(network(picture)), outputs(folded(picture)), strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4)
            assert one.std() > 1e-4  # else there is nothing to get wrong
        for one, other in zip(network.top_down(picture), folded.top_down(picture), strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4 * float(one.abs().max()))


def test_folded_parameters_learn_what_the_network_would(network: PSCCNet) -> None:
    usual = deepcopy(network).double()
    skeleton = fold_batch_norm(deepcopy(network).to("meta"))
    picture = torch.rand(2, 3, 40, 40, dtype=torch.float64)
    expected = outputs(usual(picture))
    found = outputs(functional_call(skeleton, folded_parameters(usual), (picture,), strict=True))
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other, one)
    names, parameters = zip(*usual.named_parameters(), strict=True)
    wanted = torch.autograd.grad(sum(one.sum() for one in expected), parameters)
    gradients = torch.autograd.grad(sum(one.sum() for one in found), parameters)
    for name, one, other in zip(names, wanted, gradients, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-6, atol=1e-8 * float(one.abs().max() + 1), msg=name)
