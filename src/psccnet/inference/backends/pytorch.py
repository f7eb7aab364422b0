"""The torch backend: batch norm folded, channels last, bf16 where the processor has it, the stem in strips."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from psccnet.inference.backends import Output
from psccnet.network import PSCCNet
from psccnet.network.folding import fold_batch_norm
from psccnet.network.hrnet import HRNet, resample

STRIP_PIXELS = 1 << 17
"""Pixels of a strip of the stem and stage 1, whose maps have up to 256 channels: about 64 MB a map in bf16."""
HALO = 6
"""Rows that stem, stage 1 and the transition see around a row: five 3x3 convolutions, rounded up to even."""


def strips(height: int, rows: int) -> Iterator[tuple[int, int]]:
    """Cut `height` rows into (start, stop) strips of about `rows`, all starting at even rows."""
    rows = max(2, rows - rows % 2)
    for start in range(0, height, rows):
        yield start, min(start + rows, height)


def stem_in_strips(top_down: HRNet, picture: Tensor, strip_pixels: int = STRIP_PIXELS) -> list[Tensor]:
    """`HRNet.stem` strip by strip: the same maps, but the wide ones before them never exist whole.

    Args:
        top_down: the network's top-down path.
        picture: (B, 3, H, W) in 0..1.
        strip_pixels: about how many pixels a strip has, halo aside.

    Returns:
        The maps of scales 1 and 2.
    """
    height, width = picture.shape[-2:]
    fine: list[Tensor] = []
    half: list[Tensor] = []
    for start, stop in strips(height, strip_pixels // width):
        top = max(0, start - HALO)
        strip = picture[..., top : min(stop + HALO, height), :]
        first, second = top_down.stem(strip)
        fine.append(first[..., start - top : stop - top, :])
        # Starts are even, so row k of scale 2 is centred on row 2k of the picture.
        second_stop = (stop - top + 1) // 2 if stop == height else (stop - top) // 2
        half.append(second[..., (start - top) // 2 : second_stop, :])
    return [torch.cat(fine, dim=-2), torch.cat(half, dim=-2)]


def has_fast_bf16() -> bool:
    """Whether the processor multiplies bf16 natively (AVX-512 BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def find_device(name: str) -> torch.device:
    """The device of that name; ValueError if there is none here."""
    kind = name.partition(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device is auto, cpu, cuda or mps, not {name!r}")
    if (kind == "cuda" and not torch.cuda.is_available()) or (kind == "mps" and not torch.mps.is_available()):
        raise ValueError(f"device {name}: torch finds none here; use auto or cpu")
    return torch.device(name)


class TorchBackend:
    """PSCC-Net in eager torch.

    Args:
        network: in evaluation mode; it is changed (folded) and belongs to the backend from then on.
        device: "cpu", "cuda", "cuda:1", "mps".
        precision: "float32", "bf16", or "auto": bf16 on GPUs and on processors that multiply it natively.

    Raises:
        ValueError: for an unknown precision, or a device that is unknown or not there.
    """

    def __init__(self, network: PSCCNet, device: str = "cpu", precision: str = "auto") -> None:
        self.device = find_device(device)
        if precision == "auto":
            fast = has_fast_bf16() if self.device.type == "cpu" else self.device.type == "cuda"
            precision = "bf16" if fast else "float32"
        if precision not in ("float32", "bf16"):
            raise ValueError(f"precision is auto, float32 or bf16, not {precision!r}")
        self.precision = precision
        folded = fold_batch_norm(network.eval()).to(self.device)
        self.network: PSCCNet = folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _autocast(self) -> AbstractContextManager[object]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def features(self, pixels: NDArray[np.uint8]) -> list[Tensor]:
        """The four features at their fixed sizes, for (H, W, 3) uint8."""
        picture = torch.from_numpy(pixels).to(self.device).permute(2, 0, 1)[None].float() / 255
        network = self.network
        maps = network.top_down.fuse(stem_in_strips(network.top_down, picture))
        sides = (network.grid >> scale for scale in range(4))
        return [resample(x, (side, side)) for x, side in zip(maps, sides, strict=True)]

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8], exit_scale: int = 1, gate_below: float | None = None) -> Output:
        """Detect and localize; see `Backend`."""
        with self._autocast():
            features = self.features(pixels)
            logits = self.network.detection_head(features)
            score = float(torch.softmax(logits.float(), dim=1)[0, 1])
            if gate_below is not None and score < gate_below:
                return Output(score, {})
            masks = self.network.bottom_up(features, exit_scale)
        probabilities = [torch.sigmoid(mask.float())[0, 0].cpu().numpy() for mask in masks]
        return Output(score, dict(enumerate(probabilities, start=exit_scale)))
