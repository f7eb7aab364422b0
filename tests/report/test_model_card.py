from typing import Any

import pytest
import yaml

from psccnet.report.model_card import model_card, scores_table
from psccnet.weights.card import Card, bundled, read_card

SCORES = {
    "pictures": 40.0,
    "forged": 25.0,
    "found": 0.25,
    "found_low": 0.1,
    "found_high": 0.4,
    "image_auc": 0.612345,
    "pixel_auc": 0.7,
}


def head_of(text: str) -> dict[str, Any]:
    assert text.startswith("---\n")
    read = yaml.safe_load(text.split("---\n")[1])
    assert isinstance(read, dict)
    return read


def test_a_row_says_what_was_measured_and_nothing_else() -> None:
    row = scores_table(Card(name="mine", scores={"claims": SCORES})).splitlines()[2]
    assert row == "| claims; 25 forged, 15 untouched | 25 % (10 to 40) |  | 0.612 | 0.700 |  |"


def test_few_pictures_have_no_interval() -> None:
    few = SCORES | {"pictures": 18.0, "forged": 9.0}
    assert "| 25 % |" in scores_table(Card(name="mine", scores={"claims": few}))


@pytest.mark.parametrize("name", sorted(bundled()))
def test_the_card_of_bundled_weights_in_the_form_of_the_hub(name: str) -> None:
    card = read_card(bundled()[name])
    text = model_card(card)
    head = head_of(text)
    assert head["license"] == "mit"
    assert head["pipeline_tag"] == "image-segmentation"
    assert text.count("# ") >= 7
    assert card.sha256 in text
    assert card.trained_on in text
    assert card.notes.strip() in text
    shown = {result["dataset"]["type"]: result for result in head.get("model-index", [{"results": []}])[0]["results"]}
    assert set(shown) == set(card.scores)
    for set_name, scores in card.scores.items():
        values = {metric["name"]: metric["value"] for metric in shown[set_name]["metrics"]}
        assert values["AUC of the detection score"] == pytest.approx(scores["image_auc"], abs=1e-4)
        assert all(f"`{score}`" in text for score in scores if not score.endswith(("_low", "_high", "ed", "pictures")))


def test_weights_that_nobody_measured() -> None:
    text = model_card(Card(name="new", licence="My own terms"))
    assert head_of(text)["license"] == "other"
    assert head_of(text)["license_name"] == "My own terms"
    assert "model-index" not in head_of(text)
    assert "## Measured" not in text
    assert "Not known." in text
    assert head_of(model_card(Card(name="new")))["license"] == "unknown"
