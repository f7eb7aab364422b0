"""Small pictures, one thread."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors here are small: with several threads, most of the time is waiting for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def square(batch: int, height: int, width: int) -> Tensor:
    """Masks (B, 1, H, W) with a forged rectangle in every second picture."""
    mask = torch.zeros(batch, 1, height, width)
    mask[::2, :, height // 4 : height // 2, width // 4 : width // 2] = 1
    return mask
