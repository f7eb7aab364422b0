"""The calibration of weights: scores of untouched photographs, whole and in crops, and masks of forged pictures."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from psccnet.errors import InputError
from psccnet.inference.detector import OF_ONE_PICTURE, Detector
from psccnet.metrics import histogram
from psccnet.pictures.decoding import Decoded, Source, decode
from psccnet.pictures.sample import Sample
from psccnet.weights.calibration import Calibration
from psccnet.weights.mask_calibration import MaskCalibration

CROPS = (128, 256)
"""Sides of the crops, pixels; one of each from every photograph that is larger."""
FEWEST = 40
"""Photographs, so that a rate of 5 % is two of them."""
FEWEST_FORGED = 20
"""Forged pictures, so that one alone does not decide on the level of masks."""


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


def calibrate_masks(detector: Detector, forged: Iterable[Sample], of: str = "") -> MaskCalibration:
    """Learn from forged pictures with ground truth at which value of a mask forged pixels begin.

    Args:
        detector: with the weights; what its card says of masks is not used.
        forged: pictures with masks, none of them trained on; pristine ones are passed over.
        of: which they are, in words.

    Raises:
        InputError: if there are fewer than 20.
        PictureError: if a picture cannot be used.
    """
    plain = Detector(detector.engine, detector.card.model_copy(update={"mask_calibration": None}), detector.max_pixels)
    histograms = [
        histogram(plain.detect(sample.image, masks=()).mask, sample.mask)
        for sample in forged
        if sample.mask is not None and sample.forged
    ]
    if len(histograms) < FEWEST_FORGED:
        raise InputError(f"{len(histograms)} forged pictures can be used; masks need {FEWEST_FORGED} at least.")
    return MaskCalibration.from_histograms(histograms, of)


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
