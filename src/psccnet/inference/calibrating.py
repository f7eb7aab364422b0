"""Calibrate weights: scores with untouched photographs, whole and cropped; masks with forged pictures."""

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
"""Sides of the crops in pixels; one crop of each size is cut from every larger photograph."""
FEWEST = 40
"""Fewest photographs for a calibration: 5 % of 40 are two."""
FEWEST_FORGED = 20
"""Fewest forged pictures for a calibration of masks, so that no single one decides the result."""


def calibrate(
    detector: Detector,
    photographs: Iterable[Path],
    of: str = "",
    failed: Callable[[Source | Decoded, Exception], None] | None = None,
) -> Calibration:
    """Measure which scores untouched pictures get.

    Args:
        detector: with the weights to calibrate.
        photographs: untouched, like the pictures that will be examined, and not used in training.
        of: a description of the photographs, for the card.
        failed: called with each photograph that cannot be read, and the error; if None, the error is raised.

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
    """Find the mask value that separates forged from untouched pixels best, on forged pictures with ground truth.

    Args:
        detector: with the weights; a mask calibration in its card is ignored.
        forged: pictures with masks, not used in training; pristine ones are skipped.
        of: a description of the pictures, for the card.

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
    """Yield each photograph as a whole, then crops of it at places that depend on its bytes alone."""
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
