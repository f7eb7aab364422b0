"""The calibration of weights: scores of untouched photographs, whole and in crops."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from psccnet.errors import InputError
from psccnet.inference.detector import OF_ONE_PICTURE, Detector
from psccnet.pictures.decoding import Decoded, Source, decode
from psccnet.weights.calibration import Calibration

CROPS = (128, 256)
"""Sides of the crops, pixels; one of each from every photograph that is larger."""
FEWEST = 40
"""Photographs, so that a rate of 5 % is two of them."""


def calibrate(
    detector: Detector,
    photographs: Iterable[Path],
    of: str = "",
    failed: Callable[[Source | Decoded, Exception], None] | None = None,
) -> Calibration:
    """Learn what scores untouched pictures get.

    Args:
        detector: with the weights to calibrate.
        photographs: untouched, of the kind that will be looked at, and not trained on.
        of: which they are, in words.
        failed: called with a photograph that cannot be read, and why; raised where left out.

    Raises:
        InputError: if fewer than 40 can be read.
    """
    results = detector.detect_many(_views(photographs, detector.max_pixels, failed), failed=failed)
    scored = [(min(result.width, result.height), result.score, result.name) for result in results]
    read = len({name.partition(" cut ")[0] for _, _, name in scored})
    if read < FEWEST:
        raise InputError(f"{read} photographs can be read; a calibration needs {FEWEST} at least, and 400 to be good.")
    return Calibration.from_scores(((side, score) for side, score, _ in scored), of)


def _views(
    photographs: Iterable[Path], max_pixels: int, failed: Callable[[Source | Decoded, Exception], None] | None
) -> Iterator[Decoded]:
    """Each photograph whole, and its crops at places that its bytes choose."""
    for path in photographs:
        try:
            whole = decode(path, max_pixels)
        except OF_ONE_PICTURE as error:
            if failed is None:
                raise
            failed(path, error)
            continue
        yield whole
        height, width = whole.pixels.shape[:2]
        for side in CROPS:
            if min(height, width) > side:
                place = int(hashlib.sha256(f"{whole.sha256} {side}".encode()).hexdigest(), 16)
                top, left = place % (height - side + 1), place // height % (width - side + 1)
                pixels = whole.pixels[top : top + side, left : left + side].copy()
                yield replace(whole, pixels=pixels, name=f"{whole.name} cut {side}", data=None)
