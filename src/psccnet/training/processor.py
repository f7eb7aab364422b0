"""Settings for the processor: precision, and how freed memory is kept."""

import ctypes
import sys
from typing import Literal

import torch

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Options of glibc's mallopt."""


def chosen_precision(recipe_precision: Literal["auto"] | Precision) -> Precision:
    """The recipe's precision; "auto" is bf16 if the hardware has instructions for it, otherwise float32.

    Emulated bf16 is many times slower than float32: on AVX2, the backward pass of a convolution takes 11 times as long.
    """
    if recipe_precision != "auto":
        return recipe_precision
    return "bf16-mixed" if multiplies_bf16() else "32-true"


def multiplies_bf16() -> bool:
    """Whether the GPU, or without one the processor, has instructions for bf16."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def keep_freed_memory() -> None:
    """Let glibc's allocator keep freed memory instead of returning it to the system.

    Otherwise, large tensors are mapped, zeroed and unmapped for every layer. On two cores without a GPU, this took 13 %
    of the processor time of a training step (16 pictures of 128 x 128) and 22 % of a validation on real pictures.
    """
    if sys.platform == "linux" and not torch.cuda.is_available():
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries do not have it
        if mallopt is not None:
            mallopt(_M_MMAP_MAX, 0)
            mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
