"""What runs the parts of the network: one small protocol, one file a runtime."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = Any
"""A backend's own array: sliced like NumPy's, and kept where the backend computes."""


class Compiled(Protocol):
    """A part that can be called.

    Attributes:
        inputs: their names.
    """

    inputs: tuple[str, ...]

    def __call__(self, inputs: Mapping[str, Array], /) -> list[Array]:
        """Inputs by name, more than its own too, to outputs, which hold until the next call in this thread."""
        ...


class Backend(Protocol):
    """Loads parts of a network and runs them on one picture at a time; the parts are `psccnet.engine.graphs.parts`.

    Attributes:
        name: "openvino", "onnx" or "torch".
        precision: "float32", "bf16" or "int8".
        tile_cells: about how many cells (points of F_1) a tile of stages 2 to 4 may have, halo included.
        stem_cells: about how many a tile of the stem may have.
        by_size: whether a part that takes large maps is better compiled for their very size.
    """

    name: str
    precision: str
    tile_cells: int
    stem_cells: int
    by_size: bool

    def compile(self, part: str, sizes: Mapping[str, tuple[int, ...]]) -> Compiled:
        """Make a part callable; threads may call it at the same time.

        Args:
            part: its name.
            sizes: of the inputs, where they will always be these; otherwise empty.
        """
        ...

    def empty(self, *shape: int) -> Array:
        """An array of float32 or the backend's own precision, its values not set."""
        ...

    def put(self, values: NDArray[np.generic]) -> Array:
        """A NumPy array as the backend's."""
        ...

    def get(self, values: Array) -> NDArray[np.float32]:
        """The backend's array as float32 NumPy, a copy."""
        ...


class InNumPy:
    """The arrays of backends that compute on NumPy's own."""

    def empty(self, *shape: int) -> NDArray[np.float32]:
        """See `Backend`."""
        return np.empty(shape, dtype=np.float32)

    def put(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """See `Backend`."""
        return np.ascontiguousarray(values)

    def get(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Backend`."""
        return values.copy()
