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
        scheme: "released" draws every convolution from N(0, 0.001) as the authors' code does before it loads
            ImageNet weights. "residual" is meant for training without them: half of the first filters are
            high-pass, so that batch norm raises noise and compression traces to unit variance from the first
            step; residual blocks start as identities; the attention logits start near zero, since neither
            Eq. 2 nor Eq. 3 scales them; masks start at one half, so that as priors (Eq. 1) they let the finer
            features and their gradients through.
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
    """The layers theta and phi of all scales, whose products are the logits of Eqs. 2 and 3."""
    modules = [module for module in network.modules() if isinstance(module, SCCM)]
    names = ("theta", "phi", "theta_channel", "phi_channel")
    return [getattr(module, name) for module in modules for name in names if hasattr(module, name)]


def initialise_attention(network: PSCCNet) -> None:
    """Draw theta and phi so small that attention is nearly even at first.

    Neither Eq. 2 nor Eq. 3 scales the logits, which sum over channels (spatial) and over tokens (channel-wise). Once
    they are large, each token looks at one and the same other, and no gradient brings them back.
    """
    for layer in similarity_layers(network):
        nn.init.normal_(layer.weight, std=0.05 / math.sqrt(layer.in_channels))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


@torch.no_grad()
def restart_colours(network: PSCCNet) -> None:
    """Make the first filters that are read least into high-pass filters of the colour differences Cb and Cr.

    What is pasted often has finer colours than its host, whose chroma was halved by a JPEG before. Filters that mix
    colours and brightness hardly show that: brightness varies ten times as much at one or two pixels. Batch norm's
    statistics must be measured anew afterwards.

    Args:
        network: whose filters change in place: for Cb and Cr second differences across, down and both, each with
            either sign since a ReLU follows, 12 in all. The next layer does not read them at first.
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
    """Take the mean off each colour plane of the second half of the filters, in place.

    Args:
        weight: (64, 3, 3, 3), or (64, 12, 3, 3) with the four phases of each plane side by side: their mean is one.
    """
    half = weight[weight.shape[0] // 2 :]
    half = half.view(len(half), 3, -1, *half.shape[2:])
    half -= half.mean(dim=(2, 3, 4), keepdim=True)
