"""Find and read weight files, into NumPy arrays or torch tensors. Needs no torch for arrays."""

import json
from pathlib import Path
from typing import Any, Literal

import safetensors
from safetensors import safe_open

from psccnet.errors import WeightsError, listed
from psccnet.network.architecture import Architecture
from psccnet.weights.card import Card, bundled, verify


def resolve(name_or_path: str | Path) -> Path:
    """The file or folder of a bundled name or a path; a bundled name takes precedence.

    Raises:
        WeightsError: if it is neither a bundled name nor an existing path.
    """
    names = bundled()
    if isinstance(name_or_path, str) and name_or_path in names:
        return names[name_or_path]
    path = Path(name_or_path)
    if not path.exists():
        known = listed(list(names), 20) or "none"
        raise WeightsError(
            f"{name_or_path} is neither a bundled name (there are: {known}) nor a file or folder: check the name"
        )
    return path


def inside(path: Path) -> Path:
    """The weight file in a folder of quantized parts; any other path unchanged."""
    file = path / "weights.safetensors"
    return file if file.is_file() else path


def read(path: Path, framework: Literal["np", "pt"]) -> tuple[dict[str, Any], Card]:
    """Read a .safetensors file and the card beside it.

    Args:
        path: of the file.
        framework: "np" for NumPy arrays, "pt" for torch tensors.

    Returns:
        The tensors by key, as stored, and the card.

    Raises:
        WeightsError: if the file does not match its card (sha256), is not a safetensors file, or holds another
            network than the card says.
    """
    card = verify(path)
    try:
        with safe_open(path, framework=framework, device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except safetensors.SafetensorError as error:
        raise WeightsError(f"{path} is not a safetensors file, or is truncated: copy it again") from error
    try:
        architecture = Architecture(**json.loads(metadata["architecture"]))
    except (KeyError, ValueError, TypeError, RecursionError):
        raise WeightsError(f"{path} does not say which network it holds: write it with psccnet.weights.save") from None
    if architecture != card.architecture:
        raise WeightsError(
            f"{path} holds the network {architecture!r}, but its card says {card.architecture!r}: correct the card"
        )
    return tensors, card
