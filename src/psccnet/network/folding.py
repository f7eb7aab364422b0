"""Fold batch norm into the convolution before it: in place, or as a differentiable function of the parameters."""

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from psccnet.network.psccnet import PSCCNet


def conv_norm_pairs(network: PSCCNet) -> dict[str, str]:
    """Map the name of each convolution that is followed by a batch norm to that batch norm's name.

    `bn1` follows `conv1`; a batch norm in a `nn.Sequential` follows the layer before it.
    """
    pairs = {}
    for norm, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            parent, dot, leaf = norm.rpartition(".")
            pairs[parent + dot + (leaf.replace("bn", "conv") if leaf.startswith("bn") else str(int(leaf) - 1))] = norm
    return pairs


def _layers(network: PSCCNet, conv_name: str, norm_name: str) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    conv, norm = network.get_submodule(conv_name), network.get_submodule(norm_name)
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return conv, norm


def fold_batch_norm(network: PSCCNet) -> PSCCNet:
    """Fold each batch norm into its convolution, in place; evaluation mode only."""
    for conv_name, norm_name in conv_norm_pairs(network).items():
        network.set_submodule(conv_name, fuse_conv_bn_eval(*_layers(network, conv_name, norm_name)))
        network.set_submodule(norm_name, nn.Identity())
    return network


def folded_parameters(network: PSCCNet) -> dict[str, Tensor]:
    """The parameters of `fold_batch_norm(network)`, as differentiable functions of the network's parameters.

    With them, `torch.func.functional_call` trains a network with frozen running statistics without computing batch
    norm separately, which saves a pass over each feature map.
    """
    parameters: dict[str, Tensor] = dict(network.named_parameters())
    for conv_name, norm_name in conv_norm_pairs(network).items():
        conv, norm = _layers(network, conv_name, norm_name)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        bias = norm.bias - norm.running_mean * scale
        parameters[f"{conv_name}.weight"] = conv.weight * scale[:, None, None, None]
        parameters[f"{conv_name}.bias"] = bias if conv.bias is None else bias + conv.bias * scale
        del parameters[f"{norm_name}.weight"], parameters[f"{norm_name}.bias"]
    return parameters
