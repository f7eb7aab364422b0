"""Write and load weight files: a .safetensors with its card beside it, written completely or not at all."""

import hashlib
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from safetensors.torch import save as serialize
from torch import Tensor

from psccnet.errors import WeightsError, listed
from psccnet.network.psccnet import PSCCNet
from psccnet.pictures.whole_files import write_whole
from psccnet.version import __version__
from psccnet.weights.card import Card, card_path
from psccnet.weights.reading import inside, read, resolve
from psccnet.weights.released import import_released, released_card
from psccnet.weights.states import check_state

_FULL_PRECISION = ("running_mean", "running_var")


def save(network: PSCCNet, path: str | Path, card: Card, *, half: bool = False) -> Card:
    """Write a network's weights and their card.

    Args:
        network: on any device, in any memory format; it does not change.
        path: of the .safetensors file; the card is written beside it with the ending .json. Both are replaced.
        card: the description of the weights. The architecture, `parameters`, `psccnet_version`, `sha256` and
            `created` (if empty) are filled in.
        half: store weights as float16; the means and variances of batch norms stay float32.

    Returns:
        The card as written.

    Raises:
        WeightsError: if the path does not end in .safetensors, its folder does not exist, or a value is not
            finite in the precision asked for.
        WriteError: if the files cannot be written; existing files are then kept.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise WeightsError(f"{path} does not end in .safetensors: give it that ending")
    if not path.parent.is_dir():
        raise WeightsError(f"{path.parent} is not a folder: make it first")
    tensors = {key: _stored(key, value, half) for key, value in network.state_dict().items()}
    wrong = [key for key, value in tensors.items() if not bool(torch.isfinite(value).all())]
    if wrong:
        raise WeightsError(
            f"{path} was not written, since {listed(wrong)} would hold values that are not finite"
            f" in {'float16' if half else 'float32'}: save an earlier state of the network"
        )
    architecture = replace(network.architecture, grid=network.grid)
    filled = {
        "architecture": architecture,
        "created": card.created or datetime.now(UTC).isoformat(timespec="seconds"),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "psccnet_version": __version__,
    }
    # safetensors allows only strings as metadata.
    metadata = {
        "format": "psccnet",
        "name": card.name,
        "created": str(filled["created"]),
        "architecture": json.dumps(asdict(architecture)),
    }
    content = serialize(tensors, metadata)
    written = card.model_copy(update={**filled, "sha256": hashlib.sha256(content).hexdigest()})
    write_whole({path: content, card_path(path): (written.model_dump_json(indent=2) + "\n").encode()})
    return written


def load_network(name_or_path: str | Path) -> tuple[PSCCNet, Card]:
    """Load weights.

    Args:
        name_or_path: a bundled name, a .safetensors file with its card beside it, a folder in the released layout,
            or a folder of quantized parts, of which the float32 weights are loaded.

    Returns:
        The network on the CPU in float32 and evaluation mode, and its card.

    Raises:
        WeightsError: if there are no such weights, the file does not match its card (sha256) or is not a safetensors
            file, or its keys are not the network's.
    """
    path = inside(resolve(name_or_path))
    if path.is_dir():
        network = import_released(path)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        return network, released_card(path).model_copy(update={"parameters": parameters})
    tensors, card = read(path, "pt")
    network = PSCCNet(card.architecture)
    check_state(tensors, network.state_dict(), path, "write it again with psccnet.weights.save")
    network.load_state_dict(tensors)
    return network.eval(), card


def _stored(key: str, value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu()
    if value.is_floating_point():
        value = value.to(torch.float16 if half and not key.endswith(_FULL_PRECISION) else torch.float32)
    # safetensors does not accept channels-last memory.
    return value.contiguous()
