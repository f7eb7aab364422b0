"""Colour scales for values 0..1: viridis, which looks even, to colour-blind people too, and Jet, as in the paper."""

import json
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from psccnet.errors import InputError

ScaleName = Literal["viridis", "jet"]
SCALES = "scales.json"
"""The file with the colours at even steps; the web page reads it, too."""


@cache
def colours(name: ScaleName = "viridis") -> NDArray[np.uint8]:
    """The 256 colours of a scale, (256, 3) uint8.

    Raises:
        InputError: for an unknown name.
    """
    if name not in get_args(ScaleName):
        raise InputError(f"colour scales are {' and '.join(get_args(ScaleName))}, not {name!r}")
    known = json.loads(files("psccnet.inference").joinpath(SCALES).read_text(encoding="utf-8"))
    steps = np.array(known[name], dtype=np.float64)
    at = np.linspace(0, len(steps) - 1, 256)
    made = np.stack([np.interp(at, np.arange(len(steps)), steps[:, channel]) for channel in range(3)], axis=1)
    found: NDArray[np.uint8] = np.rint(made).astype(np.uint8)
    return found


def coloured(values: NDArray[np.float32], name: ScaleName = "viridis") -> NDArray[np.uint8]:
    """Colour values (h, w), 0..1, by a scale: (h, w, 3) uint8.

    Examples:
        >>> coloured(np.array([[0.0, 1.0]], np.float32)).tolist()
        [[[68, 1, 84], [253, 231, 37]]]
    """
    found: NDArray[np.uint8] = colours(name)[np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)]
    return found
