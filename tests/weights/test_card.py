import subprocess
import sys

import pytest
from pydantic import ValidationError

from psccnet.weights import Card, render


def test_render_shows_what_is_known_and_nothing_else() -> None:
    card = Card(
        name="default",
        trained_on="4,000 photographs",
        steps=1200,
        pictures=19200,
        parameters=3667942,
        scores={
            "casia1": {"pixel_auc": 0.75, "pixel_auc_low": 0.7, "pixel_auc_high": 0.8, "image_auc": 0.6, "forged": 9}
        },
        notes="Weak on copy-move.",
        reproduce="psccnet evaluate casia1/index.csv",
        recipe={"lr": 0.0002},
    )
    text = render(card)
    assert text.splitlines()[0] == "default"
    for part in (
        "4,000 photographs",
        "1,200 steps, 19,200 pictures",
        "3,667,942",
        "    casia1\n      forged                 9\n      image_auc              0.600\n",
        "      pixel_auc              0.750  95 % [0.700, 0.800]\n",
        "Weak on copy-move.",
        "psccnet evaluate casia1/index.csv",
        '"lr": 0.0002',
        "spatial and channel attention",
    ):
        assert part in text
    assert "licence" not in text
    assert "recipe" not in render(Card(name="bare"))


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"threshold": -0.1},
        {"architecture": {"variant": "third"}},
        {"grid": 100},
        {"steps": -1},
        {"colour": "red"},
    ],
)
def test_cards_that_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Card.model_validate({"name": "n", **fields})


def test_cards_need_no_torch() -> None:
    code = "import sys, psccnet.weights; psccnet.weights.bundled(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
