import numpy as np
import pytest

from psccnet.evidence import Finding
from psccnet.evidence.copy_move.trace import SIGNIFICANT
from psccnet.evidence.double_compression import trace as double_compression
from psccnet.evidence.square_statistics import trace as square_statistics
from psccnet.inference.verdict import FORGED, SHARES, SUSPICIOUS, judge
from psccnet.weights.calibration import RATES, Calibration

SIZE = (300, 400)


def copy_move(false_alarms: float) -> Finding:
    return Finding("copy-move", "", false_alarms=false_alarms)


def test_copy_move_speaks_where_the_verdict_does() -> None:
    assert pytest.approx(SUSPICIOUS * SHARES["copy-move"]) == SIGNIFICANT
    assert pytest.approx(SUSPICIOUS * SHARES["double-compression"]) == double_compression.SIGNIFICANT
    assert pytest.approx(SUSPICIOUS * SHARES["square-statistics"]) == square_statistics.SIGNIFICANT


def test_shares_are_all_of_the_false_alarms() -> None:
    assert sum(SHARES.values()) == pytest.approx(1)


@pytest.mark.parametrize(("false_alarms", "words"), [(1e-6, "forged"), (0.01, "suspicious"), (0.5, "nothing found")])
def test_a_trace_speaks_within_its_share(false_alarms: float, words: str) -> None:
    said = judge(0.1, 0.5, SIZE, [copy_move(false_alarms)])
    assert said.words == words
    assert said.reasons == (() if words == "nothing found" else ("copy-move",))
    assert said.false_alarms == pytest.approx(min(1, false_alarms / SHARES["copy-move"]))


def test_without_a_calibration_the_threshold_holds() -> None:
    assert judge(0.6, 0.5, SIZE, []).words == "forged"
    assert judge(0.4, 0.5, SIZE, []).words == "nothing found"


def test_what_only_informs_does_not_count() -> None:
    assert judge(0.1, 0.5, SIZE, [Finding("ela", "", false_alarms=0.0)]).words == "nothing found"


@pytest.mark.parametrize("size", [(63, 500), (500, 10)])
def test_tiny_pictures_have_no_verdict(size: tuple[int, int]) -> None:
    said = judge(0.99, 0.5, size, [copy_move(0.0)])
    assert (said.words, said.false_alarms) == ("no verdict", None)
    assert "below 64 pixels" in said.note


def test_false_alarms_stay_within_the_total() -> None:
    rng = np.random.default_rng(0)
    calibration = Calibration.from_scores((side, score) for side in (100, 300, 900) for score in rng.random(1000))
    for side in (100, 300, 900):
        words = [
            judge(rng.random(), 0.5, (side, side), [copy_move(rng.random())], calibration).words for _ in range(4000)
        ]
        assert words.count("forged") / 4000 < FORGED + 0.01
        assert 0.015 < (words.count("forged") + words.count("suspicious")) / 4000 < SUSPICIOUS + 0.01


def test_calibration_is_conformal() -> None:
    scores = np.linspace(0.001, 0.999, 999)
    calibration = Calibration.from_scores(((300, score) for score in scores), "a ramp")
    for rate, level in zip(RATES, calibration.scores["medium"], strict=True):
        assert level is not None
        assert (1 + (scores >= level - 1e-6).sum()) / 1000 <= rate + 1e-9
        assert calibration.false_alarms(level, 300) == pytest.approx(rate, rel=0.02)
    assert calibration.false_alarms(0.99999, 300) == pytest.approx(RATES[-1])
    assert calibration.false_alarms(0.1, 300) == 1
    assert calibration.false_alarms(scores[-30], 100) == calibration.false_alarms(scores[-30], 300), "none so small"
    again = Calibration.model_validate_json(calibration.model_dump_json())
    assert again == calibration


def test_few_pictures_promise_little() -> None:
    calibration = Calibration.from_scores((300, score) for score in np.linspace(0, 0.9, 30))
    assert calibration.scores["medium"][-1] is None
    assert calibration.false_alarms(0.99, 300) >= 1 / 31
