"""A network's parameters without torch, batch norms folded into the convolutions before them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psccnet.errors import WeightsError
from psccnet.weights.card import Architecture, Card
from psccnet.weights.reading import inside, read, resolve

BATCH_NORM_EPS = 1e-5


@dataclass(frozen=True)
class Layer:
    """A convolution with bias.

    Attributes:
        weight: (outputs, inputs, k, k) float32; padding is k // 2.
        bias: (outputs,) float32.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def scaled(self, factor: float) -> "Layer":
        """The layer whose output is `factor` times this one's."""
        return Layer(self.weight * np.float32(factor), self.bias * np.float32(factor))


class Parameters:
    """The parameters of a network in evaluation mode, by the names of its modules.

    Args:
        tensors: the network's state dict as arrays.
        architecture: the arguments of the network.
    """

    def __init__(self, tensors: Mapping[str, NDArray[np.floating]], architecture: Architecture) -> None:
        self._tensors = tensors
        self.architecture = architecture

    def __contains__(self, name: str) -> bool:
        """Whether there is a layer of that name."""
        return f"{name}.weight" in self._tensors

    def scalar(self, name: str) -> float:
        """A parameter with one value."""
        return float(self._of(name).item())

    def layer(self, name: str) -> Layer:
        """The convolution or linear layer `name` with the batch norm that follows it, if one does, folded in."""
        weight = self._of(f"{name}.weight").astype(np.float64)
        if weight.ndim == 2:
            weight = weight[:, :, None, None]
        bias = np.zeros(len(weight))
        if f"{name}.bias" in self._tensors:
            bias = self._of(f"{name}.bias").astype(np.float64)
        norm = _norm_after(name)
        if f"{norm}.running_mean" in self._tensors:
            mean, variance, gain, shift = (
                self._of(f"{norm}.{kind}").astype(np.float64)
                for kind in ("running_mean", "running_var", "weight", "bias")
            )
            scale = gain / np.sqrt(variance + BATCH_NORM_EPS)
            weight, bias = weight * scale[:, None, None, None], shift + (bias - mean) * scale
        return Layer(weight.astype(np.float32), bias.astype(np.float32))

    def _of(self, name: str) -> NDArray[np.floating]:
        try:
            return self._tensors[name]
        except KeyError:
            raise WeightsError(
                f"the weights lack {name}, which their network has: write them again with psccnet.weights.save"
            ) from None


def _norm_after(name: str) -> str:
    """Where the batch norm after a convolution stands: `bn1` beside `conv1`, else the next of a sequence."""
    parent, dot, leaf = name.rpartition(".")
    if leaf.isdigit():
        return f"{parent}{dot}{int(leaf) + 1}"
    return parent + dot + leaf.replace("conv", "bn")


def read_parameters(weights: str | Path) -> tuple[Parameters, Card]:
    """Read weights without torch; with it, a folder in the released layout too.

    Args:
        weights: a bundled name, a `.safetensors` path, a folder in the released layout, or one of quantized parts.

    Raises:
        WeightsError: if the weights cannot be read; the message names them.
    """
    path = inside(resolve(weights))
    if not path.is_dir():
        tensors, card = read(path, "np")
        return Parameters(tensors, card.architecture), card
    try:
        from psccnet.weights.store import load
    except ModuleNotFoundError as error:
        raise WeightsError(
            f"{path}: the released .pth files are read by torch ({error.name} is not installed): install psccnet[torch]"
            ", or turn them once into a .safetensors file with psccnet weights import where torch is"
        ) from None
    network, card = load(path)
    return Parameters({key: value.numpy() for key, value in network.state_dict().items()}, card.architecture), card
