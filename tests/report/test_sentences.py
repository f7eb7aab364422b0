"""What a reader without training is told, and that no figure of it is invented."""

from dataclasses import replace

import pytest

from psccnet.evidence import Finding
from psccnet.inference.verdict import SHARES, Judgement
from psccnet.report.sentences import REASONS, false_alarm_sentence, limits, meaning, measured, rate
from psccnet.weights import Card
from psccnet.weights.card import bundled, read_card

from .conftest import result_of


def test_the_figures_are_the_cards(card: Card) -> None:
    first, second = measured(card)
    assert first.pictures == "CASIA v1: splicings and copy-moves that people made"
    assert (first.forged, first.untouched) == ("19 % of 180 (14 to 25 %)", "2 % of 160")
    assert (second.pictures, second.forged, second.untouched) == ("mine", "75 % of 8", "0 % of 8")
    assert measured(Card(name="new")) == []


def test_nothing_found_is_not_authentic(card: Card) -> None:
    words = meaning(result_of(0.2), card)
    assert words == (
        "The score of 0.200 stays below the threshold of 0.500. That does not make the picture authentic: the"
        " network alone misses 25 to 81 % of known forgeries, depending on their kind."
    )
    assert "nobody has measured" in meaning(result_of(0.2), Card(name="new"))


def test_forged_is_no_proof(card: Card) -> None:
    forged = result_of(0.8)
    assert "takes 12.3 % of the picture. It is a reason to look closer, and no proof." in meaning(forged, card)
    assert "less than 0.1 % of" in meaning(replace(forged, marked_fraction=0.0001), card)
    assert "No region stands out" in meaning(replace(forged, level=None), card)
    assert "The place was not looked for." in meaning(replace(forged, localized=False), card)


def test_false_alarms_are_those_of_the_threshold(card: Card) -> None:
    assert false_alarm_sentence(result_of(0.8), card) == (
        "Of untouched pictures, 0 to 2 % reach it, depending on their kind."
    )
    assert "measured at 0.500 only" in false_alarm_sentence(replace(result_of(0.8), threshold=0.3), card)
    assert "nobody has measured" in false_alarm_sentence(result_of(0.8), Card(name="new"))


def test_what_all_traces_say_together(card: Card) -> None:
    by_copy = Judgement("forged", 0.0014, ("copy-move", "network"))
    forged = replace(result_of(0.3), verdict="forged", judgement=by_copy, level=0.4, marked_fraction=0.02)
    assert meaning(forged, card) == (
        "The score of 0.300 stays below the threshold of 0.500. What speaks for a manipulation: a part that stands in"
        " the picture twice; the network's score, which few untouched pictures reach. The region that stands out takes"
        " 2.0 % of the picture. It is a reason to look closer, and no proof."
    )
    assert false_alarm_sentence(forged, card) == "Of untouched pictures, about 0.1 % are judged as badly or worse."
    nothing = replace(result_of(0.3), judgement=Judgement("nothing found", 0.4))
    assert "Neither it nor another trace speaks for a manipulation. That does not make" in meaning(nothing, card)
    small = replace(result_of(0.3), judgement=Judgement("no verdict", None, note="No verdict: too small."))
    assert (meaning(small, card), false_alarm_sentence(small, card)) == ("No verdict: too small.", "")


def test_with_a_calibration_the_threshold_does_not_count() -> None:
    card = read_card(bundled()["default"])
    assert card.calibration is not None
    unusual = replace(result_of(0.6), threshold=card.threshold, judgement=Judgement("nothing found", 0.1))
    assert meaning(unusual, card).startswith(
        "The network's score is 0.600, the threshold of the network alone 0.525. Neither it nor another trace speaks"
    )
    assert false_alarm_sentence(unusual, card) == "Of untouched pictures, about 10 % are judged as badly or worse."


def test_a_threshold_that_was_asked_for_has_no_measured_rate() -> None:
    card = read_card(bundled()["default"])
    forged = replace(result_of(0.6), threshold=0.3, judgement=Judgement("forged", 0.02, ("network",)))
    assert meaning(forged, card).startswith("The score of 0.600 reaches the threshold of 0.300.")
    assert "measured at 0.525 only" in false_alarm_sentence(forged, card)


def test_a_network_without_calibration_has_the_measured_figures(card: Card) -> None:
    forged = replace(result_of(0.8), judgement=Judgement("forged", 0.02, ("network",)))
    assert false_alarm_sentence(forged, card) == ("Of untouched pictures, 0 to 2 % reach it, depending on their kind.")


def test_the_bundled_weights_have_figures() -> None:
    assert len(measured(read_card(bundled()["default"]))) >= 2


def test_the_limits_name_the_grid(card: Card) -> None:
    assert any("256 x 256 places" in limit and "1/256" in limit for limit in limits(card))


@pytest.mark.parametrize(
    ("false_alarms", "words"),
    [
        (None, ""),
        (3.0, "Untouched pictures show as much all the time."),
        (0.0004, "About one in 2,500 untouched pictures shows as much."),
        (0.0, "Fewer than one in a million"),
        (1e-300, "Fewer than one in a million"),
    ],
)
def test_how_often_a_finding_is_wrong(false_alarms: float | None, words: str) -> None:
    found = rate(Finding("a", "b", false_alarms=false_alarms))
    assert found == words or (words and found.startswith(words))


def test_each_source_of_the_verdict_has_a_reason_in_words() -> None:
    assert set(SHARES) <= set(REASONS)
