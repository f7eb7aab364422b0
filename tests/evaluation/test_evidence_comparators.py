import numpy as np
import pytest
import skimage.data

from psccnet.evaluation.comparators import Question
from psccnet.evaluation.comparators.evidence import Together, Trace, score_of
from psccnet.evaluation.comparators.find import find_comparator
from psccnet.inference import Detector

COPIED = skimage.data.astronaut()
COPIED[300:410, 40:130] = COPIED[60:170, 180:270]


@pytest.mark.slow
def test_a_trace_alone() -> None:
    trace = find_comparator("copy-move")
    assert isinstance(trace, Trace)
    found = trace.localize(Question(COPIED, "copied"))
    assert found.score > trace.threshold
    assert found.mask.shape == (512, 512)
    assert found.mask[350, 80] > 0.5
    untouched = trace.localize(Question(skimage.data.astronaut(), "astronaut"))
    assert untouched.score < trace.threshold
    assert not untouched.mask.any()


def test_pictures_too_small_for_a_trace_have_a_score() -> None:
    found = find_comparator("jpeg-grid").localize(Question(np.zeros((10, 20, 3), np.uint8), "tiny"))
    assert found.score == 0
    assert found.mask.shape == (10, 20)


@pytest.mark.slow
def test_the_verdict_as_a_comparator(detector: Detector) -> None:
    together = Together(detector)
    found = together.localize(Question(COPIED, "copied"))
    assert found.score > together.threshold
    assert found.mask[350, 80] > 0.5


@pytest.mark.parametrize(("false_alarms", "score"), [(0.05, 0.5), (0.0, 1.0), (None, 0.0)])
def test_scores(false_alarms: float | None, score: float) -> None:
    assert score_of(false_alarms) == pytest.approx(score)
