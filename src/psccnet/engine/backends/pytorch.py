"""The torch backend, for GPUs and for processors that OpenVINO does not support: channels last and bf16."""

from collections.abc import Mapping
from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from psccnet.engine.backends import Compiled
from psccnet.engine.graphs import Part, parts, prepared
from psccnet.errors import InputError
from psccnet.network.psccnet import PSCCNet


def has_fast_bf16() -> bool:
    """Whether the processor has instructions for bf16 (AVX-512 BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def find_device(name: str) -> torch.device:
    """The device of that name; InputError if it is not available."""
    kind, colon, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (colon and not number.isdigit()):
        raise InputError(f"device must be auto, cpu, cuda, cuda:1 or mps, not {name!r}")
    if (kind == "cuda" and not torch.cuda.is_available()) or (kind == "mps" and not torch.mps.is_available()):
        raise InputError(f"device {name}: torch finds none on this machine; use auto or cpu")
    if kind == "cuda" and colon and int(number) >= torch.cuda.device_count():
        raise InputError(f"device {name}: torch finds {torch.cuda.device_count()} on this machine, counted from 0")
    return torch.device(name)


class TorchBackend:
    """PSCC-Net in torch.

    Args:
        network: its modules are run in torch; it does not change.
        device: "cpu", "cuda", "cuda:1", "mps".
        precision: "float32", "bf16", "float64" (a reference for tests), or "auto": bf16 on CUDA and on processors with
            instructions for it, otherwise float32.

    Raises:
        InputError: for an unknown precision, or a device that is unknown or not available.
    """

    name = "torch"
    by_size = False

    def __init__(self, network: PSCCNet, device: str = "cpu", precision: str = "auto") -> None:
        self.device = find_device(device)
        if precision == "auto":
            fast = has_fast_bf16() if self.device.type == "cpu" else self.device.type == "cuda"
            precision = "bf16" if fast else "float32"
        dtypes = {"float32": torch.float32, "bf16": torch.bfloat16, "float64": torch.float64}
        if precision not in dtypes:
            raise InputError(f"precision must be auto, float32, float64 or bf16, not {precision!r}")
        self.precision = precision
        self._dtype = dtypes[precision]
        # GPUs are faster with large maps, processors with maps that fit into their caches.
        on_cpu = self.device.type == "cpu"
        self.tile_cells = 600_000 if on_cpu else 4_000_000
        self.stem_cells = 130_000 if on_cpu else 1_000_000

        ready = prepared(network, self._dtype).to(self.device, self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._parts = parts(ready)

    def compile(self, part: str, sizes: Mapping[str, tuple[int, ...]]) -> Compiled:
        """See `Backend`."""
        del sizes
        # By default, cuDNN computes float32 in TF32, which has a mantissa of 10 bits.
        return _Compiled(self._parts[part], exactly=self.device.type == "cuda" and self._dtype == torch.float32)

    def empty(self, *shape: int) -> Tensor:
        """See `Backend`."""
        made = torch.empty(shape, dtype=self._dtype, device=self.device)
        return made.contiguous(memory_format=torch.channels_last)

    def put(self, values: NDArray[np.generic]) -> Tensor:
        """See `Backend`."""
        # torch warns about arrays that are not writable.
        owned = np.require(values, requirements=("C", "W"))
        return torch.from_numpy(owned).to(self.device)

    def get(self, values: Tensor) -> NDArray[np.float32]:
        """See `Backend`."""
        found: NDArray[np.float32] = values.float().cpu().numpy().copy()
        return found


class _Compiled:
    """A module as a part."""

    def __init__(self, module: Part, exactly: bool) -> None:
        self.inputs = tuple(module.inputs)
        self._module = module
        self._exactly = exactly

    def __call__(self, inputs: Mapping[str, Tensor], /) -> list[Tensor]:
        flags = torch.backends.cudnn.flags(enabled=True, allow_tf32=False) if self._exactly else nullcontext()
        with torch.inference_mode(), flags:
            found = self._module(*(inputs[name] for name in self.inputs))
        return [found] if isinstance(found, Tensor) else list(found)
