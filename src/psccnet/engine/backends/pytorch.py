"""The torch backend, for GPUs and for processors that OpenVINO does not run on: channels last and bf16."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from psccnet.engine.backends import Compiled
from psccnet.engine.ops import Ops
from psccnet.engine.parameters import Layer
from psccnet.engine.parts import Part


class TorchOps:
    """`psccnet.engine.ops.Ops` done at once.

    Args:
        dtype: of all but what is kept in float32.
    """

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype
        self._layers: dict[tuple[int, torch.device], tuple[Layer, Tensor, Tensor]] = {}

    def rgb(self, pixels: Tensor) -> Tensor:
        """See `Ops`."""
        return pixels.permute(0, 3, 1, 2).to(self._dtype)

    def conv(self, x: Tensor, layer: Layer, stride: int = 1) -> Tensor:
        """See `Ops`."""
        key = id(layer), x.device
        if key not in self._layers:
            weight = torch.from_numpy(layer.weight).to(x.device, self._dtype, memory_format=torch.channels_last)
            # The layer is kept with its tensors: another could have its id.
            self._layers[key] = layer, weight, torch.from_numpy(layer.bias).to(x.device, self._dtype)
        _, weight, bias = self._layers[key]
        return functional.conv2d(x, weight, bias, stride, padding=weight.shape[-1] // 2)

    def relu(self, x: Tensor) -> Tensor:
        """See `Ops`."""
        return torch.relu(x)

    def sigmoid(self, x: Tensor) -> Tensor:
        """See `Ops`."""
        return torch.sigmoid(x)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """See `Ops`."""
        return x + y

    def multiply(self, x: Tensor, y: Tensor) -> Tensor:
        """See `Ops`."""
        return x * y.to(x.dtype)

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """See `Ops`."""
        return x @ y.to(x.dtype)

    def mean(self, x: Tensor) -> Tensor:
        """See `Ops`."""
        return x.mean(dim=(2, 3), keepdim=True)

    def largest(self, x: Tensor) -> Tensor:
        """See `Ops`."""
        return x.amax(dim=(2, 3), keepdim=True)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """See `Ops`."""
        return x.reshape(x.shape[0], *shape)

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        """See `Ops`."""
        return x.permute(*order)

    def resize(self, x: Tensor, to: Any) -> Tensor:
        """See `Ops`."""
        size = list(to) if isinstance(to, tuple) else to.shape[-2:]
        return functional.interpolate(x, size=size, mode="bilinear", align_corners=True)

    def sample(self, x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See `Ops`."""
        grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)[None]
        # Of grid and map, torch wants one type, and half precision would move the points.
        sampled = functional.grid_sample(x.float(), grid, mode="bilinear", padding_mode="border", align_corners=True)
        return sampled.to(x.dtype)

    def pick(self, x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See `Ops`."""
        return x.index_select(2, rows).index_select(3, columns)

    def pool(self, x: Tensor) -> Tensor:
        """See `Ops`."""
        return 4 * functional.avg_pool2d(x, 2)

    def attention(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """See `Ops`."""
        # torch never forms the N x N matrix for contiguous (B, heads, N, d) only.
        q, k, v = (x.unsqueeze(1).contiguous() for x in (query, key, value))
        return functional.scaled_dot_product_attention(q, k, v, scale=1.0).squeeze(1)

    def channel_similarity(self, theta: Tensor, phi: Tensor) -> Tensor:
        """See `Ops`."""
        return torch.softmax(theta.float().transpose(1, 2) @ phi.float(), dim=-1)


class _Value(int):
    """The number of a value on a tape."""


class Tape:
    """Takes down the operations of a part, to do them again without building it again."""

    def __init__(self, part: Part) -> None:
        self.inputs = list(part.inputs)
        self.steps: list[tuple[str, tuple[Any, ...]]] = []
        taken: Any = self
        inputs = {name: _Value(number) for number, name in enumerate(self.inputs)}
        self.outputs = [int(value) for value in part.build(taken, inputs)]
        last = {value: step for step, (_, of) in enumerate(self.steps) for value in of if isinstance(value, _Value)}
        self.done_with: list[list[int]] = [[] for _ in self.steps]
        for value, step in last.items():
            if value not in self.outputs:
                self.done_with[step].append(value)

    def __getattr__(self, operation: str) -> Any:
        if not hasattr(TorchOps, operation):
            raise AttributeError(operation)

        def take(*of: Any) -> _Value:
            self.steps.append((operation, of))
            return _Value(len(self.inputs) + len(self.steps) - 1)

        return take

    def play(self, ops: Ops[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
        """Do the operations; values are let go when nothing needs them any more."""
        values: dict[int, Tensor] = dict(enumerate(inputs))
        for step, (operation, of) in enumerate(self.steps):
            found = [values[value] if isinstance(value, _Value) else value for value in of]
            values[len(self.inputs) + step] = getattr(ops, operation)(*found)
            del found
            for value in self.done_with[step]:
                del values[value]
        return [values[number] for number in self.outputs]


class TorchPart(nn.Module):
    """A part as a module without parameters of its own, which torch can trace and compile.

    Args:
        part: of the network.
        dtype: of all but what is kept in float32.
    """

    def __init__(self, part: Part, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.tape = Tape(part)
        self.ops = TorchOps(dtype)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The outputs of the inputs, both in the order of the part."""
        return tuple(self.tape.play(self.ops, inputs))


def has_fast_bf16() -> bool:
    """Whether the processor multiplies bf16 natively (AVX-512 BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def find_device(name: str) -> torch.device:
    """The device of that name; ValueError if there is none here."""
    kind, colon, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (colon and not number.isdigit()):
        raise ValueError(f"device is auto, cpu, cuda, cuda:1 or mps, not {name!r}")
    if (kind == "cuda" and not torch.cuda.is_available()) or (kind == "mps" and not torch.mps.is_available()):
        raise ValueError(f"device {name}: torch finds none here; use auto or cpu")
    if kind == "cuda" and colon and int(number) >= torch.cuda.device_count():
        raise ValueError(f"device {name}: torch finds {torch.cuda.device_count()} here, counted from 0")
    return torch.device(name)


class TorchBackend:
    """PSCC-Net in torch.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps".
        precision: "float32", "bf16", or "auto": bf16 on CUDA and on processors that multiply it natively.

    Raises:
        ValueError: for an unknown precision, or a device that is unknown or not there.
    """

    name = "torch"
    by_size = False

    def __init__(self, device: str = "cpu", precision: str = "auto") -> None:
        self.device = find_device(device)
        if precision == "auto":
            fast = has_fast_bf16() if self.device.type == "cpu" else self.device.type == "cuda"
            precision = "bf16" if fast else "float32"
        if precision not in ("float32", "bf16"):
            raise ValueError(f"precision is auto, float32 or bf16, not {precision!r}")
        self.precision = precision
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        # A GPU wants large maps; a processor's caches want small ones.
        on_cpu = self.device.type == "cpu"
        self.tile_pixels = 600_000 if on_cpu else 4_000_000
        self.stem_pixels = 130_000 if on_cpu else 1_000_000

    def compile(self, part: Part, sizes: Mapping[str, tuple[int, ...]]) -> Compiled:
        """See `Backend`."""
        del sizes
        module = TorchPart(part, self._dtype)
        exactly: Callable[[], AbstractContextManager[None]] = nullcontext
        if self.device.type == "cuda" and self._dtype == torch.float32:
            # cuDNN would round what is called float32 to 10 bits.
            exactly = partial(torch.backends.cudnn.flags, enabled=True, allow_tf32=False)

        def call(inputs: dict[str, Tensor]) -> list[Tensor]:
            with torch.inference_mode(), exactly():
                return list(module(*(inputs[name] for name in part.inputs)))

        return call

    def empty(self, *shape: int) -> Tensor:
        """See `Backend`."""
        made = torch.empty(shape, dtype=self._dtype, device=self.device)
        return made.contiguous(memory_format=torch.channels_last)

    def put(self, values: NDArray[np.generic]) -> Tensor:
        """See `Backend`."""
        # torch warns of arrays that it could not write to.
        owned = np.require(values, requirements=("C", "W"))
        return torch.from_numpy(owned).to(self.device)

    def get(self, values: Tensor) -> NDArray[np.float32]:
        """See `Backend`."""
        found: NDArray[np.float32] = values.float().cpu().numpy().copy()
        return found
