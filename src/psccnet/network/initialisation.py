"""Initial weights for training from scratch."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from psccnet.network.hrnet import BasicBlock, Bottleneck
from psccnet.network.psccnet import PSCCNet
from psccnet.network.sccm import SCCM

Initialisation = Literal["released", "residual"]


def initialise(network: PSCCNet, scheme: Initialisation = "residual") -> None:
    """Set the initial weights in place, from torch's global random state.

    Args:
        network: the network to initialise.
        scheme: "released" draws every convolution from a normal distribution of standard deviation 0.001, as the
            authors' code does before it loads ImageNet weights. "residual" is for training without ImageNet weights:
            half of the first filters are high-pass, so that batch norm scales noise and compression traces to unit
            variance from the first step; residual blocks start as identities; the attention logits start near zero,
            since neither Eq. 2 nor Eq. 3 scales them; masks start at one half, so that the finer features, which are
            multiplied by them (Eq. 1), and their gradients pass.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            if scheme == "released":
                nn.init.normal_(module.weight, std=0.001)
            else:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    if scheme == "residual":
        _start_as_residual(network)


def _start_as_residual(network: PSCCNet) -> None:
    for module in network.modules():
        if isinstance(module, BasicBlock):
            nn.init.zeros_(module.bn2.weight)
        elif isinstance(module, Bottleneck) and module.downsample is None:
            nn.init.zeros_(module.bn3.weight)
        elif isinstance(module, SCCM) and (module.spatial or module.channel):
            for layer in (module.g, module.omega_s if module.spatial else None):
                if layer is not None:
                    nn.init.normal_(layer.weight, std=math.sqrt(0.5 / layer.in_channels))
            if module.channel:
                nn.init.normal_(module.omega_c.weight, std=math.sqrt(0.1 / module.omega_c.in_channels))
    initialise_attention(network)
    for scale in range(1, 5):
        last = getattr(network.bottom_up, f"scale{scale}").mask_block[2]
        nn.init.normal_(last.weight, std=0.01)
    _high_pass(network.top_down.conv1.weight)


def similarity_layers(network: PSCCNet) -> list[nn.Conv2d]:
    """The layers theta and phi of all scales; their products are the logits of Eqs. 2 and 3."""
    modules = [module for module in network.modules() if isinstance(module, SCCM)]
    names = ("theta", "phi", "theta_channel", "phi_channel")
    return [getattr(module, name) for module in modules for name in names if hasattr(module, name)]


def initialise_attention(network: PSCCNet) -> None:
    """Draw small theta and phi, in place, so that attention starts nearly uniform.

    Eqs. 2 and 3 do not scale their logits, which are sums over channels (spatial) and over tokens (channel-wise). Once
    logits are large, the softmax is saturated: all tokens attend to one token, and the gradients vanish.
    """
    for layer in similarity_layers(network):
        nn.init.normal_(layer.weight, std=0.05 / math.sqrt(layer.in_channels))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


@torch.no_grad()
def restart_colours(network: PSCCNet) -> None:
    """Replace the least used filters of the first layer by high-pass filters of the colour differences Cb and Cr.

    A pasted region often has finer colours than its host, whose chroma a JPEG halved before. Filters that mix colour
    and brightness hardly show that: at one or two pixels, brightness varies ten times as much. Measure the statistics
    of batch norm again afterwards.

    Args:
        network: changed in place. It gets 12 filters: second differences of Cb and Cr across, down and in both
            directions, each with both signs since a ReLU follows. The next layer's weights for them start at 0.
    """
    top_down = network.top_down
    first, norm, second = top_down.conv1, top_down.bn1, top_down.conv2
    step = torch.tensor([1.0, -2.0, 1.0])
    impulse = torch.tensor([0.0, 1.0, 0.0])
    kernels = [torch.outer(impulse, step), torch.outer(step, impulse), torch.outer(step, step)]
    colours = torch.tensor([[-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
    filters = torch.stack([torch.einsum("c,hw->chw", colour, kernel) for colour in colours for kernel in kernels])
    filters *= first.weight.flatten(1).norm(dim=1).mean() / filters.flatten(1).norm(dim=1)[:, None, None, None]
    filters = torch.cat([filters, -filters])
    read = second.weight.square().sum(dim=(0, 2, 3)).sqrt()
    least = (read * norm.weight.abs()).argsort()[: len(filters)]
    first.weight[least] = filters
    second.weight[:, least] = 0
    norm.weight[least] = 1
    norm.bias[least] = 0


@torch.no_grad()
def _high_pass(weight: Tensor) -> None:
    """Subtract the mean of each colour plane from the second half of the filters, in place.

    Args:
        weight: (64, 3, 3, 3), or (64, 12, 3, 3) with the four phases of each plane next to each other, which share a
            mean.
    """
    half = weight[weight.shape[0] // 2 :]
    half = half.view(len(half), 3, -1, *half.shape[2:])
    half -= half.mean(dim=(2, 3, 4), keepdim=True)
