"""Fill a removed region: by diffusion, frequency-selective reconstruction, patches, or a learned inpainter.

Each function takes the host, SxSx3 uint8, and the mask, SxS bool. It returns the picture, changed only inside the mask,
and the mask of what was changed.
"""

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from psccnet.errors import InputError
from psccnet.pictures.sample import Mask, Picture
from psccnet.synthesis.seams import HOSTS_RIM, poisson
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe
from psccnet.synthesis.transforms import mean_change

if TYPE_CHECKING:
    import torch

_Pixel = TypeVar("_Pixel", np.uint8, np.bool_)
_RING = np.ones((13, 13), np.uint8)
_CANDIDATES = 8
_MAX_REUSE = 0.1
_INPAINTER_STRIDE = 8
"""Sides are padded to a multiple of this, so that inpainting networks can halve and double them."""


def diffuse(
    rng: np.random.Generator, host: Picture, mask: Mask, method: int, recipe: SynthesisRecipe
) -> tuple[Picture, Mask]:
    """Fill by diffusion from the border (cv2.INPAINT_TELEA or INPAINT_NS), perhaps with the host's grain on top."""
    low, high = recipe.removal.radius
    filled = cv2.inpaint(host, mask.astype(np.uint8), float(rng.integers(low, high + 1)), method)
    if rng.random() < recipe.removal.grain:
        # A diffused fill has no noise, which is too easy to detect: add as much as the host has.
        grain = rng.standard_normal((*mask.shape, 1), np.float32) * min(noise_level(host), 6.0)
        filled = np.rint(filled + grain).clip(0, 255)
    return _inside(host, np.asarray(filled, np.uint8), mask)


def frequency_selective(host: Picture, mask: Mask) -> tuple[Picture, Mask]:
    """Fill by frequency-selective reconstruction, which continues textures without copying."""
    filled = np.zeros_like(host)
    cv2.xphoto.inpaint(host, np.where(mask, 0, 255).astype(np.uint8), filled, cv2.xphoto.INPAINT_FSR_FAST)
    return _inside(host, filled, mask)


def shift_map(host: Picture, mask: Mask) -> tuple[Picture, Mask]:
    """Fill with the patches of the picture that fit best together (He and Sun, 2012)."""
    lab = cv2.cvtColor(host, cv2.COLOR_RGB2LAB)
    filled = np.zeros_like(lab)
    cv2.xphoto.inpaint(lab, np.where(mask, 0, 255).astype(np.uint8), filled, cv2.xphoto.INPAINT_SHIFTMAP)
    return _inside(host, np.asarray(cv2.cvtColor(filled, cv2.COLOR_LAB2RGB), np.uint8), mask)


def patch(rng: np.random.Generator, host: Picture, mask: Mask) -> tuple[Picture, Mask] | None:
    """Fill with the region of the same picture whose border fits best among a few random shifts, Poisson-blended."""
    size = mask.shape[0]
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    ring = cv2.dilate(mask.astype(np.uint8), _RING).astype(np.bool_) & ~mask
    best, least = None, np.inf
    for _ in range(_CANDIDATES):
        dx, dy = int(rng.integers(size - width + 1)) - x, int(rng.integers(size - height + 1)) - y
        if (_shifted(mask, dx, dy) & mask).sum() > _MAX_REUSE * mask.sum():
            continue  # it would copy from the region that is to be removed
        candidate = _shifted(host, dx, dy)
        mismatch = mean_change(host, candidate, ring)
        if mismatch < least:
            best, least = candidate, mismatch
    if best is None:
        return None
    around = cv2.dilate(mask.astype(np.uint8), HOSTS_RIM).astype(np.bool_)
    picture, changed = poisson(host, best, around)
    return _inside(host, picture, mask & changed)


def learned(host: Picture, mask: Mask, inpainter: str) -> tuple[Picture, Mask]:
    """Fill by a TorchScript network; see `RemovalRecipe.inpainter` for its form.

    Raises:
        InputError: if the file is not a TorchScript network, or does not return a picture; the message names it.
    """
    import torch

    network = _load_inpainter(inpainter)
    height, width = mask.shape
    padding = ((0, -height % _INPAINTER_STRIDE), (0, -width % _INPAINTER_STRIDE))
    picture = torch.from_numpy(np.pad(host, (*padding, (0, 0)), mode="edge")).permute(2, 0, 1)[None].float() / 255
    hole = torch.from_numpy(np.pad(mask, padding))[None, None].float()
    try:
        with torch.inference_mode():
            filled = network(picture * (1 - hole), hole)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"{inpainter}: the inpainter failed on a picture and its mask ({reason})") from error
    if not isinstance(filled, torch.Tensor) or filled.shape != picture.shape:
        raise InputError(f"{inpainter}: the inpainter must return a picture of the same shape as its input")
    pixels = (filled[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return _inside(host, pixels[:height, :width], mask)


@cache
def _load_inpainter(path: str) -> "torch.jit.ScriptModule":
    import torch

    try:
        network: torch.jit.ScriptModule = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
        return network.eval()
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path}: not a TorchScript network; export the inpainter with torch.jit.save") from error


def noise_level(picture: Picture) -> float:
    """Estimate the standard deviation of the noise, in grey levels, from the finest diagonal wavelets (Donoho).

    Examples:
        >>> noise_level(np.full((32, 32, 3), 128, np.uint8))
        0.0
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = grey[: grey.shape[0] // 2 * 2, : grey.shape[1] // 2 * 2]
    detail = (grey[::2, ::2] - grey[1::2, ::2] - grey[::2, 1::2] + grey[1::2, 1::2]) / 2
    return float(np.median(np.abs(detail)) / 0.6745)


def _inside(host: Picture, filled: Picture, mask: Mask) -> tuple[Picture, Mask]:
    return np.where(mask[..., None], filled, host), mask


def _shifted(picture: npt.NDArray[_Pixel], dx: int, dy: int) -> npt.NDArray[_Pixel]:
    # Only pixels outside the mask's box wrap around; they matter at most to the comparison on the ring.
    return np.roll(picture, (-dy, -dx), axis=(0, 1))
