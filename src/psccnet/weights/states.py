"""Read state dicts from untrusted files without running code, and check their names and shapes."""

from collections.abc import Mapping
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from psccnet.errors import WeightsError, listed
from psccnet.pictures.lfs_pointer import POINTER, file_is_pointer


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict from a .pth or .safetensors file onto the CPU; a leading `module.` of keys is removed.

    Raises:
        WeightsError: if the file is missing, or holds anything but named tensors.
    """
    if not path.is_file():
        raise WeightsError(f"{path} does not exist: check the path")
    if file_is_pointer(path):
        raise WeightsError(f"{path} is {POINTER}")
    try:
        if path.suffix == ".safetensors":
            found: object = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except safetensors.SafetensorError as error:
        raise WeightsError(f"{path} is not a safetensors file, or is truncated: copy it again") from error
    # For damaged files, torch.load raises UnpicklingError, RuntimeError, EOFError, LookupError and others.
    except Exception as error:
        raise WeightsError(
            f"{path} is not a state dict that can be read without running code: download it again"
        ) from error
    # Training scripts often save the state dict together with that of the optimiser.
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise WeightsError(f"{path} does not hold a state dict of named tensors: give the file that does")
    return {str(key).removeprefix("module."): value for key, value in found.items()}


def check_state(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path, mend: str) -> None:
    """Refuse a state dict unless it has exactly the expected names and shapes.

    Args:
        found: the state dict.
        expected: tensors of the expected names and shapes.
        path: of the file, for the message.
        mend: what to do about it, for the message.

    Raises:
        WeightsError: naming the keys that are missing, unknown or of another shape.
    """
    unknown = [key for key in found if key not in expected]
    missing = [key for key in expected if key not in found]
    misshapen = [
        f"{key} {tuple(found[key].shape)} instead of {tuple(expected[key].shape)}"
        for key in expected
        if key in found and found[key].shape != expected[key].shape
    ]
    faults = {"unknown keys": unknown, "missing keys": missing, "wrong shapes": misshapen}
    text = "; ".join(f"{fault}: {listed(keys)}" for fault, keys in faults.items() if keys)
    if text:
        raise WeightsError(f"{path} does not fit the network ({text}): {mend}")
