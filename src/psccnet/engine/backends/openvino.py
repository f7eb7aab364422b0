"""The OpenVINO backend: graphs are built of its operations, so that neither torch nor a converter is needed."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset15 as op
from openvino import properties

from psccnet.engine.backends import Compiled, InNumPy
from psccnet.engine.parameters import Layer
from psccnet.engine.parts import Part, dtype_of

Value = Any
"""A node or an output of one."""


class OpenVINOOps:
    """`psccnet.engine.ops.Ops` as nodes of an OpenVINO graph."""

    def rgb(self, pixels: Value) -> Value:
        """See `Ops`."""
        return op.transpose(op.convert(pixels, "f32"), _integers(0, 3, 1, 2))

    def conv(self, x: Value, layer: Layer, stride: int = 1) -> Value:
        """See `Ops`."""
        pad = [layer.weight.shape[-1] // 2] * 2
        y = op.convolution(x, op.constant(layer.weight), [stride, stride], pad, pad, [1, 1])
        return op.add(y, op.constant(layer.bias[None, :, None, None]))

    def relu(self, x: Value) -> Value:
        """See `Ops`."""
        return op.relu(x)

    def sigmoid(self, x: Value) -> Value:
        """See `Ops`."""
        return op.sigmoid(x)

    def add(self, x: Value, y: Value) -> Value:
        """See `Ops`."""
        return op.add(x, y)

    def multiply(self, x: Value, y: Value) -> Value:
        """See `Ops`."""
        return op.multiply(x, y)

    def matmul(self, x: Value, y: Value) -> Value:
        """See `Ops`."""
        return op.matmul(x, y, False, False)

    def mean(self, x: Value) -> Value:
        """See `Ops`."""
        return op.reduce_mean(x, _integers(2, 3), keep_dims=True)

    def largest(self, x: Value) -> Value:
        """See `Ops`."""
        return op.reduce_max(x, _integers(2, 3), keep_dims=True)

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """See `Ops`."""
        # A first zero keeps the batch; to nothing but the batch, its size must be left open.
        return op.reshape(x, _integers(0, *shape) if shape else _integers(-1), special_zero=True)

    def transpose(self, x: Value, order: Sequence[int]) -> Value:
        """See `Ops`."""
        return op.transpose(x, _integers(*order))

    def resize(self, x: Value, to: Any) -> Value:
        """See `Ops`."""
        size = _integers(*to) if isinstance(to, tuple) else op.gather(op.shape_of(to), _integers(2, 3), op.constant(0))
        return op.interpolate(
            x, size, "linear_onnx", "sizes", coordinate_transformation_mode="align_corners", axes=_integers(2, 3)
        )

    def sample(self, x: Value, rows: Value, columns: Value) -> Value:
        """See `Ops`."""
        shape = op.concat([_integers(1), op.shape_of(rows), op.shape_of(columns), _integers(1)], 0)
        across = op.broadcast(op.unsqueeze(columns, _integers(0, 1, 3)), shape)
        down = op.broadcast(op.unsqueeze(rows, _integers(0, 2, 3)), shape)
        attributes = {"align_corners": True, "mode": "bilinear", "padding_mode": "border"}
        return op.grid_sample(x, op.concat([across, down], 3), attributes)

    def pick(self, x: Value, rows: Value, columns: Value) -> Value:
        """See `Ops`."""
        return op.gather(op.gather(x, rows, op.constant(2)), columns, op.constant(3))

    def pool(self, x: Value) -> Value:
        """See `Ops`."""
        mean = op.avg_pool(x, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True)
        return op.multiply(mean, op.constant(np.float32(4)))

    def attention(self, query: Value, key: Value, value: Value) -> Value:
        """See `Ops`."""
        # Four dimensions, with one head: so, the plug-in fuses the three steps, keeps logits and softmax in float32
        # even where it multiplies in bf16, and never holds the N x N matrix.
        q, k, v = (op.unsqueeze(x, _integers(1)) for x in (query, key, value))
        weights = op.softmax(op.matmul(q, k, False, True), 3)
        return op.squeeze(op.matmul(weights, v, False, False), _integers(1))

    def channel_similarity(self, theta: Value, phi: Value) -> Value:
        """See `Ops`."""
        # Where the plug-in multiplies in bf16, it adds in float32 but rounds the sum: of logits in the hundreds, little
        # would be left. So they are computed once more, as differences to the largest of their row, which is added as
        # one more token; what is rounded then is near zero where the softmax is not.
        largest = op.reduce_max(op.matmul(theta, phi, True, False), _integers(2), keep_dims=True)
        minus_one = op.broadcast(op.constant(np.float32(-1)), op.shape_of(op.reduce_max(phi, _integers(1), True)))
        theta = op.concat([theta, op.transpose(largest, _integers(0, 2, 1))], 1)
        return op.softmax(op.matmul(theta, op.concat([phi, minus_one], 1), True, False), 2)


def _integers(*values: int) -> Value:
    return op.constant(np.array(values, dtype=np.int64))


def build(part: Part) -> openvino.Model:
    """The graph of a part as an OpenVINO model, its inputs and outputs named."""
    inputs = {}
    for name, shape in part.inputs.items():
        whole = [-1 if side is None else side for side in shape]
        if len(shape) > 1:
            whole.insert(0, -1 if name == "pixels" else 1)
        inputs[name] = op.parameter(whole, dtype_of(name), name)
        inputs[name].output(0).set_names({name})
    results = []
    for name, value in zip(part.outputs, part.build(OpenVINOOps(), inputs), strict=True):
        result = op.result(value)
        result.output(0).set_names({name})
        results.append(result)
    return openvino.Model(results, list(inputs.values()), part.name)


class OpenVINOBackend(InNumPy):
    """PSCC-Net on the processor by OpenVINO.

    Args:
        precision: "float32", "bf16", "int8", or "auto": int8 where there is a folder of it, otherwise bf16 where the
            processor multiplies it natively.
        quantized: a folder that `psccnet.engine.quantization.quantize` made of the weights, for int8.

    Raises:
        ValueError: for an unknown precision, or int8 without such a folder.
    """

    name = "openvino"
    tile_pixels = 700_000
    by_size = True  # which takes half the memory
    stem_pixels = 200 * 200
    """Of smaller tiles the halo costs more; of larger ones the maps of 256 channels no longer stay in the cache."""

    def __init__(self, precision: str = "auto", quantized: Path | None = None) -> None:
        self._core = openvino.Core()
        fast = "BF16" in self._core.get_property("CPU", properties.device.capabilities())
        if precision == "auto":
            precision = "int8" if quantized else "bf16" if fast else "float32"
        if precision not in ("float32", "bf16", "int8"):
            raise ValueError(f"precision is auto, float32, bf16 or int8, not {precision!r}")
        if precision == "int8" and quantized is None:
            raise ValueError("int8 needs weights calibrated for it: make them with psccnet weights quantize")
        self.precision = precision
        self._floating = "bf16" if precision == "bf16" or (precision == "int8" and fast) else "f32"
        self._quantized = quantized if precision == "int8" else None

    def compile(self, part: Part, sizes: Mapping[str, tuple[int, ...]]) -> Compiled:
        """See `Backend`."""
        options = {
            "INFERENCE_PRECISION_HINT": self._floating,
            # All cores for one picture: two pictures at a time gain next to nothing and take twice the memory.
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": "NO",  # the process may own fewer cores than the machine has
        }
        file = None if self._quantized is None else self._quantized / f"{part.name}.xml"
        model = build(part) if file is None or not file.is_file() else self._core.read_model(file)
        if sizes:
            model.reshape({name: list(size) for name, size in sizes.items()})
        compiled = self._core.compile_model(model, "CPU", options)
        requests = threading.local()

        def call(inputs: dict[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
            if not hasattr(requests, "own"):
                requests.own = compiled.create_infer_request()
            found = requests.own.infer(inputs, share_inputs=True, share_outputs=True)
            return [found[name] for name in part.outputs]

        return call
