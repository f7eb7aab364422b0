"""Runtimes that run the parts of the network: a small protocol, and one module for each runtime."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = Any
"""A backend's own array type. It is sliced like NumPy's, and stored on the backend's device."""


class Compiled(Protocol):
    """A part that can be called.

    Attributes:
        inputs: names of its inputs.
    """

    inputs: tuple[str, ...]

    def __call__(self, inputs: Mapping[str, Array], /) -> list[Array]:
        """Run the part.

        Args:
            inputs: by name; others than its own are ignored.

        Returns:
            Its outputs; they are valid until the next call in the same thread.
        """
        ...


class Backend(Protocol):
    """Compiles and runs the parts of a network (`psccnet.engine.graphs.parts`), for one picture at a time.

    Attributes:
        name: "openvino", "onnx" or "torch".
        precision: "float32", "bf16" or "int8".
        tile_cells: approximate largest number of cells (points of F_1) of a tile of stages 2 to 4, with its halo.
        stem_cells: the same for a tile of the stem.
        by_size: whether parts with large inputs should be compiled for fixed shapes.
    """

    name: str
    precision: str
    tile_cells: int
    stem_cells: int
    by_size: bool

    def compile(self, part: str, sizes: Mapping[str, tuple[int, ...]]) -> Compiled:
        """Compile a part; several threads may call it at the same time.

        Args:
            part: its name.
            sizes: the shapes of its inputs if they are fixed; empty if they vary.
        """
        ...

    def empty(self, *shape: int) -> Array:
        """An array with uninitialised values, in float32 or the backend's precision."""
        ...

    def put(self, values: NDArray[np.generic]) -> Array:
        """Convert a NumPy array to the backend's array."""
        ...

    def get(self, values: Array) -> NDArray[np.float32]:
        """Copy the backend's array to float32 NumPy."""
        ...


class InNumPy:
    """Base class of backends that compute on NumPy arrays."""

    def empty(self, *shape: int) -> NDArray[np.float32]:
        """See `Backend`."""
        return np.empty(shape, dtype=np.float32)

    def put(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """See `Backend`."""
        return np.ascontiguousarray(values)

    def get(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Backend`."""
        return values.copy()
