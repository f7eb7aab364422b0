"""Where squares of 8 x 8 pixels differ from the rest of the picture in compression, noise and colours, as learned."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.engine.backends import Compiled
from psccnet.engine.backends.openvino import OpenVINOBackend
from psccnet.errors import WeightsError
from psccnet.evidence.double_compression.stored import Stored
from psccnet.evidence.finding import Finding, Region
from psccnet.evidence.square_statistics.card import in_use, read_square_card
from psccnet.evidence.square_statistics.features import MEASURES, SQUARE, Features, measure
from psccnet.pictures.masks import turned

Map = NDArray[np.float32]

SIGNIFICANT = 0.02
"""Share of untouched pictures on which the trace speaks, at most: its part of the 5 % of the verdict."""
SMALLEST = 64
"""Pixels of the shorter side below which there is nothing to compare a square with."""
STRONGEST = 0.01
"""The strength of a picture is the value that this share of its squares exceed."""
LARGEST_TILE = 320
"""Squares along a side above which a picture is judged in tiles, so that memory stays bounded."""
INPUTS = {"coefficients", "peaks", "steps", "jpeg", "measures"}
"""Of the network; see `psccnet.network.square_statistics`."""
_OVERLAP = 16
"""Squares that one is judged by, in each direction."""

NAME = "square-statistics"
HOW_TO_READ = (
    "Bright squares differ from the rest of the picture in how they were compressed, in their noise or in the detail of"
    " their colours, as parts do that were pasted, painted or filled. A small network weighs that; it learned from"
    " forgeries that were made for it. Text, captions and very smooth places can look like that, too."
)
SOURCE = "this project; learning from quantised coefficients follows Kwon et al., CAT-Net, IJCV 2022"


def square_statistics(
    pixels: NDArray[np.uint8], data: bytes | None = None, orientation: int = 1, stored: Stored | None = None
) -> Finding | None:
    """Compare each square with the rest of the picture.

    Args:
        pixels: (H, W, 3) uint8, RGB, upright.
        data: the file's bytes, where there is a file.
        orientation: EXIF's, 1..8: how the pixels lie in the file.
        stored: what the file stores, if it was read before.

    Returns:
        The finding; its map, upright, is how likely each square of 8 x 8 pixels was forged, 0..1. None for pictures
        with a side below 64 pixels.
    """
    if min(pixels.shape[:2]) < SMALLEST:
        return None
    logits = judged(measure(pixels, data, orientation, stored))
    calibration = read_square_card(in_use()).calibration
    alarms = None if calibration is None else calibration.false_alarms(strength(logits), min(pixels.shape[:2]))
    likely = np.ascontiguousarray(turned(1 / (1 + np.exp(-logits)), orientation), np.float32)
    significant = alarms is not None and alarms <= SIGNIFICANT
    return Finding(
        NAME,
        _sentence(float((likely > 0.5).mean()), significant),
        HOW_TO_READ,
        alarms,
        significant,
        _regions(likely > 0.5) if significant else (),
        likely,
        SOURCE,
    )


def strength(logits: Map) -> float:
    """How much the strongest squares of a picture speak for a forgery, 0..1."""
    return float(1 / (1 + np.exp(-np.quantile(logits, 1 - STRONGEST))))


def judged(features: Features, network: Compiled | None = None) -> Map:
    """(h, w): the logit of each square, at most +-12, by the network in use or another; in tiles in large pictures."""
    network = network or _of_file(in_use())
    _, height, width = features.coefficients.shape
    found = np.empty((height, width), np.float32)
    for down, across, inner_down, inner_across in _tiles(height, width):
        part = replace(
            features,
            coefficients=np.ascontiguousarray(features.coefficients[:, down, across]),
            measures=np.ascontiguousarray(features.measures[:, down, across]),
        )
        inputs = {
            "coefficients": part.coefficients[None],
            "peaks": part.on_peaks()[None],
            "steps": part.steps[None],
            "jpeg": np.array([part.jpeg], np.float32),
            "measures": part.measures[None],
        }
        tile = network(inputs)[0][0]
        found[inner_down, inner_across] = tile[
            inner_down.start - down.start : inner_down.stop - down.start,
            inner_across.start - across.start : inner_across.stop - across.start,
        ]
    return np.clip(found, -12, 12, out=found)


def compiled(graph: bytes) -> Compiled:
    """A network from the bytes of its ONNX file; in float32 on every processor, so that its calibration holds."""
    return OpenVINOBackend({NAME: graph}, "float32").compile(NAME, {})


@cache
def _of_file(path: Path) -> Compiled:
    try:
        network = compiled(path.read_bytes())
    except RuntimeError as error:  # OpenVINO's
        raise WeightsError(f"{path} is no network: psccnet weights square-statistics writes one") from error
    if set(network.inputs) != INPUTS:
        raise WeightsError(f"{path} is another kind of network: psccnet weights square-statistics writes the right one")
    if read_square_card(path).measures != MEASURES:
        raise WeightsError(
            f"{path} was trained on other measures than this version of psccnet takes: train it anew with psccnet"
            " weights square-statistics"
        )
    return network


def _tiles(height: int, width: int) -> Iterator[tuple[slice, slice, slice, slice]]:
    """Tiles with the squares around them, and the squares for which each answers."""
    for inner_down in _cut(height):
        for inner_across in _cut(width):
            yield _wider(inner_down, height), _wider(inner_across, width), inner_down, inner_across


def _cut(length: int) -> list[slice]:
    pieces = -(-length // LARGEST_TILE)
    ends = [length * piece // pieces for piece in range(pieces + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]


def _wider(span: slice, length: int) -> slice:
    return slice(max(0, span.start - _OVERLAP), min(length, span.stop + _OVERLAP))


def _regions(forged: NDArray[np.bool_]) -> tuple[Region, ...]:
    """The outlines of all parts of more than one square, in pixels of the picture."""
    contours, _ = cv2.findContours(forged.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return tuple(
        Region(tuple((SQUARE * int(x) + SQUARE // 2, SQUARE * int(y) + SQUARE // 2) for x, y in one.reshape(-1, 2)))
        for one in contours
        if len(one) > 2
    )


def _sentence(share: float, significant: bool) -> str:
    """What was found, in words.

    Args:
        share: of the squares that are more likely forged than not, 0..1.
        significant: whether the picture as a whole speaks for a manipulation.
    """
    if significant:
        return (
            f"A part of the picture ({max(1, round(100 * share))} % of it) differs from the rest in compression, noise"
            " and colours, more clearly than in almost all untouched pictures."
        )
    if share < 0.005:
        return "No part differs clearly from the rest in compression, noise and colours."
    return (
        f"{100 * share:.0f} % of the picture differs from the rest in compression, noise and colours, as in some"
        " untouched pictures. This alone proves nothing."
    )
