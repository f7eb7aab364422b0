"""Write what README.md and docs/model-card.md say of the bundled weights, from their card: `make readme`.

A test compares both with the card, so that no figure in them is older than the weights.
"""

from pathlib import Path

from psccnet.report.model_card import model_card, scores_table
from psccnet.weights.card import Card, bundled, read_card

ROOT = Path(__file__).parents[1]
START, END = "<!-- scores", "<!-- end of scores -->"


def readme_with(table: str, text: str) -> str:
    """README's text with the table between its two comments."""
    head, _, rest = text.partition(START)
    comment, _, _ = rest.partition("\n")
    _, _, tail = rest.partition(END)
    return f"{head}{START}{comment}\n{table}\n{END}{tail}"


def files(card: Card) -> dict[Path, str]:
    """The files that hold figures of a card -> their text."""
    readme = ROOT / "README.md"
    return {
        readme: readme_with(scores_table(card), readme.read_text(encoding="utf-8")),
        ROOT / "docs" / "model-card.md": model_card(card),
    }


if __name__ == "__main__":
    for path, text in files(read_card(bundled()["default"])).items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
