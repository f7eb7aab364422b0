"""What runs the network: one small protocol, one file a runtime."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Output(NamedTuple):
    """What a backend computes of one picture.

    Attributes:
        score: detection score, 0..1.
        masks: scale -> (h, w) float32 probabilities, from the exit scale to 4; empty where gated.
    """

    score: float
    masks: dict[int, NDArray[np.float32]]


class Backend(Protocol):
    """Runs the network on one picture.

    Attributes:
        precision: "float32" or "bf16".
    """

    precision: str

    def __call__(self, pixels: NDArray[np.uint8], exit_scale: int = 1, gate_below: float | None = None) -> Output:
        """Detect and localize.

        Args:
            pixels: (H, W, 3) uint8, RGB.
            exit_scale: the finest mask to compute, 1..4.
            gate_below: skip the masks where the score is below this.
        """
        ...
