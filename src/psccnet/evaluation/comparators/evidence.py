"""The other traces, each alone, and the verdict of network and traces together, as comparators."""

from collections.abc import Callable

import numpy as np

from psccnet.evaluation.comparators.base import Localization, Question
from psccnet.evidence import version
from psccnet.evidence.copy_move import copy_move
from psccnet.evidence.finding import Finding
from psccnet.evidence.jpeg_grid import jpeg_grid
from psccnet.evidence.square_statistics import square_statistics
from psccnet.inference import Detector
from psccnet.inference.verdict import SUSPICIOUS
from psccnet.pictures.decoding import decode
from psccnet.pictures.resampling import resample

RATE = 0.05
"""Expected false alarms for which a trace's score is 0.5."""


def score_of(false_alarms: float | None, rate: float = RATE) -> float:
    """From an expected number of false alarms to a score, 0..1: 0.5 at the rate, more for fewer.

    Examples:
        >>> score_of(RATE), score_of(None)
        (0.5, 0.0)
        >>> score_of(RATE / 10) > score_of(RATE) > score_of(1.0)
        True
    """
    return 0.0 if false_alarms is None else rate / (rate + false_alarms)


class Trace:
    """One trace alone; its mask is the finding's map.

    Args:
        name: of the trace.
        find: looks at the picture that is asked about.
    """

    threshold = 0.5
    exit_scales = False

    def __init__(self, name: str, find: Callable[[Question], Finding | None]) -> None:
        self.name = name
        self.identity = version()
        self.find = find

    def localize(self, question: Question, /) -> Localization:
        """The map of the finding, and a score that grows as its false alarms fall."""
        finding = self.find(question)
        height, width = question.image.shape[:2]
        if finding is None or finding.map is None:
            mask = np.zeros((height, width), np.float32)
        else:
            mask = resample(finding.map, height, width)
        return Localization(mask, score_of(None if finding is None else finding.false_alarms))


class Together:
    """The verdict of the network and all traces; its mask is the one that people see.

    Traces of the file count where nothing was done to the picture.

    Args:
        detector: with its weights.
    """

    exit_scales = True
    threshold = 0.5

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.name = f"{detector.card.name} with evidence"
        backend = detector.engine.backend
        self.identity = f"{detector.card.identity} {backend.name} {backend.precision} evidence {version()}"

    def localize(self, question: Question, /) -> Localization:
        """Detect with evidence, the file's too; the score is 0.5 where the verdict begins to be "suspicious"."""
        picture = question.image if question.file is None else question.file
        result = self.detector.detect(picture, exit_scale=question.exit_scale, evidence=True)
        judged = result.judgement
        return Localization(result.mask, score_of(None if judged is None else judged.false_alarms, SUSPICIOUS))


def _square_statistics(question: Question) -> Finding | None:
    """With the file where nothing was done to the picture."""
    if question.file is None:
        return square_statistics(question.image)
    decoded = decode(question.file)
    return square_statistics(decoded.pixels, decoded.data, decoded.orientation)


TRACES = {
    "copy-move": lambda: Trace("copy-move", lambda question: copy_move(question.image)),
    "jpeg-grid": lambda: Trace("jpeg-grid", lambda question: jpeg_grid(question.image, is_jpeg=False)),
    "square-statistics": lambda: Trace("square-statistics", _square_statistics),
}
"""By the words of the command line."""
EVIDENCE = "evidence:"
"""Begins the words for the verdict of some weights with all traces."""
