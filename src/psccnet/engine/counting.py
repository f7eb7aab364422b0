"""How much there is to compute: the operations of a part, counted from the sizes of its inputs."""

import math
from collections.abc import Sequence
from typing import Any

from psccnet.engine.parameters import Layer
from psccnet.engine.parts import Part

Shape = tuple[int, ...]


class CountingOps:
    """`psccnet.engine.ops.Ops` on shapes.

    Attributes:
        flop: multiplications and additions of convolutions and matrix products; the rest is little beside them.
        values: that go into and come out of convolutions and matrix products, which a memory without caches would have
            to move.
    """

    def __init__(self) -> None:
        self.flop = 0
        self.values = 0

    def _product(self, flop: int, *shapes: Shape) -> None:
        self.flop += flop
        self.values += sum(math.prod(shape) for shape in shapes)

    def rgb(self, pixels: Shape) -> Shape:
        """See `Ops`."""
        batch, height, width, channels = pixels
        return batch, channels, height, width

    def conv(self, x: Shape, layer: Layer, stride: int = 1) -> Shape:
        """See `Ops`."""
        outputs, inputs, kernel, _ = layer.weight.shape
        y = x[0], outputs, -(-x[2] // stride), -(-x[3] // stride)
        self._product(2 * inputs * kernel * kernel * math.prod(y), x, y)
        return y

    def relu(self, x: Shape) -> Shape:
        """See `Ops`."""
        return x

    sigmoid = relu

    def add(self, x: Shape, _y: Shape) -> Shape:
        """See `Ops`."""
        return x

    multiply = add

    def matmul(self, x: Shape, y: Shape) -> Shape:
        """See `Ops`."""
        z = *x[:-1], y[-1]
        self._product(2 * math.prod(x) * y[-1], x, y, z)
        return z

    def mean(self, x: Shape) -> Shape:
        """See `Ops`."""
        return *x[:2], 1, 1

    def largest(self, x: Shape) -> Shape:
        """See `Ops`."""
        return *x[:2], 1, 1

    def reshape(self, x: Shape, shape: Sequence[int]) -> Shape:
        """See `Ops`."""
        return x[0], *shape

    def transpose(self, x: Shape, order: Sequence[int]) -> Shape:
        """See `Ops`."""
        return tuple(x[axis] for axis in order)

    def resize(self, x: Shape, to: Any) -> Shape:
        """See `Ops`."""
        return *x[:2], *to[-2:]

    def sample(self, x: Shape, rows: Shape, columns: Shape) -> Shape:
        """See `Ops`."""
        return *x[:2], rows[0], columns[0]

    pick = sample

    def pool(self, x: Shape) -> Shape:
        """See `Ops`."""
        return *x[:2], x[2] // 2, x[3] // 2

    def attention(self, query: Shape, key: Shape, value: Shape) -> Shape:
        """See `Ops`."""
        # The N x N matrix between the two products need never be in memory.
        self._product(2 * math.prod(query) * key[1] + 2 * math.prod(value) * query[1], query, key, value, query)
        return query

    def channel_similarity(self, theta: Shape, phi: Shape) -> Shape:
        """See `Ops`."""
        batch, tokens, width = theta
        self._product(2 * batch * tokens * width * phi[2], theta, phi)
        return batch, width, phi[2]


def count(part: Part, sizes: dict[str, Shape]) -> tuple[int, int]:
    """FLOP and values moved (`CountingOps`) of a part.

    Args:
        part: of the network.
        sizes: whole shapes of its inputs.
    """
    ops = CountingOps()
    part.build(ops, sizes)
    return ops.flop, ops.values
