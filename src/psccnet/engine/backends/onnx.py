"""The ONNX Runtime backend, and the ONNX graphs that it and `psccnet export` use."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from psccnet.engine.backends import Compiled, InNumPy
from psccnet.engine.parameters import Layer
from psccnet.engine.parts import Part, Shape, dtype_of

OPSET = 17
"""Has GridSample (16) and is read by ONNX Runtime 1.13 and later."""
IR_VERSION = 8
"""That goes with the opset."""


class ONNXOps:
    """`psccnet.engine.ops.Ops` as nodes of an ONNX graph; values are their names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._numbers = count()

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output."""
        output = f"{kind}{next(self._numbers)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, values: NDArray[np.generic]) -> str:
        """Add an initialiser."""
        name = f"constant{next(self._numbers)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _integers(self, *values: int) -> str:
        return self.constant(np.array(values, dtype=np.int64))

    def rgb(self, pixels: str) -> str:
        """See `Ops`."""
        return self.node("Cast", self.node("Transpose", pixels, perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)

    def conv(self, x: str, layer: Layer, stride: int = 1) -> str:
        """See `Ops`."""
        weight, bias = self.constant(layer.weight), self.constant(layer.bias)
        return self.node("Conv", x, weight, bias, strides=[stride] * 2, pads=[layer.weight.shape[-1] // 2] * 4)

    def relu(self, x: str) -> str:
        """See `Ops`."""
        return self.node("Relu", x)

    def sigmoid(self, x: str) -> str:
        """See `Ops`."""
        return self.node("Sigmoid", x)

    def add(self, x: str, y: str) -> str:
        """See `Ops`."""
        return self.node("Add", x, y)

    def multiply(self, x: str, y: str) -> str:
        """See `Ops`."""
        return self.node("Mul", x, y)

    def matmul(self, x: str, y: str) -> str:
        """See `Ops`."""
        return self.node("MatMul", x, y)

    def mean(self, x: str) -> str:
        """See `Ops`."""
        return self.node("GlobalAveragePool", x)

    def largest(self, x: str) -> str:
        """See `Ops`."""
        return self.node("GlobalMaxPool", x)

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        """See `Ops`."""
        # A first zero keeps the batch; to nothing but the batch, its size must be left open.
        return self.node("Reshape", x, self._integers(0, *shape) if shape else self._integers(-1))

    def transpose(self, x: str, order: Sequence[int]) -> str:
        """See `Ops`."""
        return self.node("Transpose", x, perm=list(order))

    def resize(self, x: str, to: Any) -> str:
        """See `Ops`."""
        size = self._integers(*to) if isinstance(to, tuple) else self.node("Shape", to, start=2)
        whole = self.node("Concat", self.node("Shape", x, end=2), size, axis=0)
        return self.node("Resize", x, "", "", whole, mode="linear", coordinate_transformation_mode="align_corners")

    def sample(self, x: str, rows: str, columns: str) -> str:
        """See `Ops`."""
        one = self._integers(1)
        shape = self.node("Concat", one, self.node("Shape", rows), self.node("Shape", columns), one, axis=0)
        across = self.node("Expand", self.node("Unsqueeze", columns, self._integers(0, 1, 3)), shape)
        down = self.node("Expand", self.node("Unsqueeze", rows, self._integers(0, 2, 3)), shape)
        grid = self.node("Concat", across, down, axis=3)
        return self.node("GridSample", x, grid, align_corners=1, mode="bilinear", padding_mode="border")

    def pick(self, x: str, rows: str, columns: str) -> str:
        """See `Ops`."""
        return self.node("Gather", self.node("Gather", x, rows, axis=2), columns, axis=3)

    def pool(self, x: str) -> str:
        """See `Ops`."""
        mean = self.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
        return self.node("Mul", mean, self.constant(np.array([4], dtype=np.float32)))

    def attention(self, query: str, key: str, value: str) -> str:
        """See `Ops`."""
        logits = self.node("MatMul", query, self.node("Transpose", key, perm=[0, 2, 1]))
        return self.node("MatMul", self.node("Softmax", logits, axis=2), value)

    def channel_similarity(self, theta: str, phi: str) -> str:
        """See `Ops`."""
        return self.node("Softmax", self.node("MatMul", self.node("Transpose", theta, perm=[0, 2, 1]), phi), axis=2)


def _sides(name: str, shape: Shape) -> list[int | str]:
    """A shape with names for sides of any size."""
    return [f"{name}_{i}" if side is None else side for i, side in enumerate(shape)]


def build(part: Part) -> onnx.ModelProto:
    """The graph of a part as an ONNX model, its inputs and outputs named."""
    ops = ONNXOps()
    inputs = []
    for name, shape in part.inputs.items():
        whole = _sides(name, shape)
        if len(shape) > 1:
            whole.insert(0, "batch" if name == "pixels" else 1)
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype_of(name)))
        inputs.append(helper.make_tensor_value_info(name, kind, whole))
    values = part.build(ops, {name: name for name in part.inputs})
    for name, value in zip(part.outputs, values, strict=True):
        ops.nodes.append(helper.make_node("Identity", [value], [name]))
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *_sides(name, shape)])
        for name, shape in part.outputs.items()
    ]
    graph = helper.make_graph(ops.nodes, part.name, inputs, outputs, ops.constants)
    return helper.make_model(
        graph, producer_name="psccnet", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )


class ONNXBackend(InNumPy):
    """PSCC-Net by ONNX Runtime, in float32.

    Args:
        device: "cpu" or "cuda".
        precision: "float32" or "auto".

    Raises:
        ValueError: for another precision, or a device that this ONNX Runtime does not run on.
    """

    name = "onnx"
    precision = "float32"
    tile_pixels = 400_000
    stem_pixels = 128 * 128
    by_size = False

    def __init__(self, device: str = "cpu", precision: str = "auto") -> None:
        if precision not in ("auto", "float32"):
            raise ValueError(f"backend onnx computes in float32, not in {precision!r}")
        import onnxruntime

        provider = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}.get(device.partition(":")[0])
        if provider not in onnxruntime.get_available_providers():
            raise ValueError(f"device {device}: this ONNX Runtime has no provider for it; use cpu")
        self._runtime = onnxruntime
        number = device.partition(":")[2]
        options = {"use_tf32": "0"} if provider == "CUDAExecutionProvider" else {}
        self._provider = (provider, options | ({"device_id": number} if number else {}))

    def compile(self, part: Part, sizes: Mapping[str, tuple[int, ...]]) -> Compiled:
        """See `Backend`."""
        del sizes
        options = self._runtime.SessionOptions()
        options.enable_mem_pattern = False  # patterns are of one size
        options.enable_cpu_mem_arena = False  # an arena never shrinks
        session = self._runtime.InferenceSession(build(part).SerializeToString(), options, providers=[self._provider])
        if self._provider[0] not in session.get_providers():  # it falls back to the processor by itself
            raise ValueError(f"ONNX Runtime cannot start its {self._provider[0]}; mend its CUDA, or use --device cpu")

        def call(inputs: dict[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
            found: list[NDArray[np.float32]] = session.run(list(part.outputs), inputs)
            return found

        return call
