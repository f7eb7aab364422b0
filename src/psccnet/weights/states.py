"""State dicts from files of strangers: read without running code, compared by name and shape."""

from collections.abc import Mapping
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from psccnet.errors import WeightsError, listed
from psccnet.pictures.lfs_pointer import POINTER, file_is_pointer


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict from a .pth or .safetensors file onto the CPU; a leading `module.` is taken off keys.

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
        raise WeightsError(f"{path} is not a safetensors file, or cut off: copy it again") from error
    # What torch.load raises depends on the byte at which a file stops making sense: UnpicklingError, RuntimeError,
    # EOFError, LookupError, struct.error, ...
    except Exception as error:
        raise WeightsError(
            f"{path} is not a state dict that can be read without running code: download it again"
        ) from error
    # Training scripts often wrap the state dict together with their optimiser's.
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise WeightsError(f"{path} does not hold a state dict of named tensors: give the file that does")
    return {str(key).removeprefix("module."): value for key, value in found.items()}


def check_state(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path, mend: str) -> None:
    """Refuse a state dict that is not of exactly the expected names and shapes.

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
