"""The few operations that the network is made of; each backend says how it does them."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from psccnet.engine.parameters import Layer

T = TypeVar("T")


class Ops(Protocol[T]):
    """What `psccnet.engine.parts` is written in: nodes of a graph for some backends, tensors for others.

    Maps are (B, C, H, W), rows of tokens (B, N, D).
    """

    def rgb(self, pixels: T) -> T:
        """(B, H, W, 3) uint8 to (B, 3, H, W) floating, 0..255, which bf16 holds exactly (0..1 it would round)."""

    def conv(self, x: T, layer: Layer, stride: int = 1) -> T:
        """Convolve, padded by half the kernel."""

    def relu(self, x: T) -> T:
        """max(x, 0)."""

    def sigmoid(self, x: T) -> T:
        """1 / (1 + exp(-x))."""

    def add(self, x: T, y: T) -> T:
        """x + y."""

    def multiply(self, x: T, y: T) -> T:
        """x y; a map of one channel is multiplied with all of the other's."""

    def matmul(self, x: T, y: T) -> T:
        """Product of matrices."""

    def mean(self, x: T) -> T:
        """Mean over a map: (B, C, 1, 1)."""

    def largest(self, x: T) -> T:
        """Largest value of each channel of a map: (B, C, 1, 1)."""

    def reshape(self, x: T, shape: Sequence[int]) -> T:
        """Reshape all but the batch."""

    def transpose(self, x: T, order: Sequence[int]) -> T:
        """Reorder the dimensions, the batch being 0."""

    def resize(self, x: T, to: tuple[int, int] | T) -> T:
        """Resample bilinearly with aligned corners to (height, width), or to the size of another map."""

    def sample(self, x: T, rows: T, columns: T) -> T:
        """Sample bilinearly where `rows` (n,) and `columns` (m,) cross, -1 and 1 being a map's outermost pixels."""

    def pick(self, x: T, rows: T, columns: T) -> T:
        """The rows and columns of these numbers."""

    def pool(self, x: T) -> T:
        """The sum of each 2 x 2 block."""

    def attention(self, query: T, key: T, value: T) -> T:
        """softmax(query key^T) value, unscaled, logits and softmax in float32."""

    def channel_similarity(self, theta: T, phi: T) -> T:
        """softmax(theta^T phi), (B, D, D) over the last dimension, logits and softmax in float32."""
