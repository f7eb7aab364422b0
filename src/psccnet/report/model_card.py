"""A weight file's card as a model card in the Hugging Face form, and as the short table of the README.

Every figure is the card's; nothing else is written by hand than what holds for all weights of this network.
"""

from typing import Any

import yaml

from psccnet.report.sentences import SETS, limits
from psccnet.weights.card import Card

FEWEST = 10
"""Pictures of a class from which on a score has an interval: bootstraps of fewer say little."""
TABLE = {
    "found": ("forged pictures found", "percent"),
    "false_alarms": ("untouched called forged", "percent"),
    "image_auc": ("image AUC", "score"),
    "pixel_auc": ("pixel AUC", "score"),
    "f1_half": ("pixel F1 at 0.5", "score"),
}
"""Score in the card -> its column in the short table, and how it is written."""
METRICS = {
    "pixel_auc": ("roc_auc", "AUC over a picture's pixels, mean over forged pictures"),
    "f1_half": ("f1", "F1 of the mask at 0.5, mean over forged pictures"),
    "iou_half": ("mean_iou", "IoU of the mask at 0.5, mean over forged pictures"),
    "image_auc": ("roc_auc", "AUC of the detection score"),
    "balanced_accuracy": ("accuracy", "balanced accuracy at the threshold"),
    "found": ("recall", "share of forged pictures found at the threshold"),
    "false_alarms": ("false_positive_rate", "share of untouched pictures called forged at the threshold"),
}
"""Score in the card -> its kind and name for the hub's list of results."""


def scores_table(card: Card) -> str:
    """What weights find and miss, as a Markdown table: a row for each set of pictures that the card has scores of.

    Args:
        card: of the weights.

    Returns:
        Header and rows, without a line break at the end. A cell is empty where the card has no such score, and has no
        interval where fewer than ten forged or ten untouched pictures were measured.
    """
    columns = [title for title, _ in TABLE.values()]
    rows = [["pictures", *columns], ["---", *("---:" for _ in columns)]]
    for name, scores in card.scores.items():
        forged, untouched = counts(scores)
        cells = [_cell(scores, score, form) for score, (_, form) in TABLE.items()]
        rows.append([f"{SETS.get(name, name)}; {forged:,} forged, {untouched:,} untouched", *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def counts(scores: dict[str, float]) -> tuple[int, int]:
    """How many forged and how many untouched pictures the scores of one set are of.

    Examples:
        >>> counts({"pictures": 340, "forged": 180})
        (180, 160)
    """
    forged = int(scores.get("forged", 0))
    return forged, int(scores.get("pictures", forged)) - forged


def _cell(scores: dict[str, float], name: str, form: str) -> str:
    if name not in scores:
        return ""
    factor, digits, unit = (100, 0, " %") if form == "percent" else (1, 3, "")
    value = f"{factor * scores[name]:.{digits}f}{unit}"
    low, high = scores.get(f"{name}_low"), scores.get(f"{name}_high")
    if low is None or high is None or min(counts(scores)) < FEWEST:
        return value
    return f"{value} ({factor * low:.{digits}f} to {factor * high:.{digits}f})"


def model_card(card: Card) -> str:
    """The card in the form of Hugging Face: YAML between two lines of dashes, then Markdown.

    Args:
        card: of the weights.

    Returns:
        The text of a README.md beside the weights; ends with a line break.
    """
    head = yaml.safe_dump(_metadata(card), sort_keys=False, allow_unicode=True, width=120)
    parts = [f"---\n{head}---", f"# Model card: psccnet {card.name}", _opening(card)]
    parts += ["## Intended use", _USE, "## Limits", "\n".join(f"- {limit}" for limit in limits(card))]
    if card.notes:
        parts += ["## How good they are", card.notes.strip()]
    if card.scores:
        parts += ["## Measured", _measured(card)]
    if card.trained_on:
        parts += ["## Training pictures", card.trained_on]
    parts += ["## How they were made", _made(card), "## How to use them", _use_of(card), "## Citation", _CITATION]
    return "\n\n".join(parts) + "\n"


def _metadata(card: Card) -> dict[str, Any]:
    """What the hub reads: https://github.com/huggingface/hub-docs/blob/main/modelcard.md."""
    licence = card.licence.lower() if card.licence.lower() in _LICENCES else "other" if card.licence else "unknown"
    head: dict[str, Any] = {
        "license": licence,
        **({"license_name": card.licence} if licence == "other" else {}),
        "library_name": "psccnet",
        "pipeline_tag": "image-segmentation",
        "tags": ["image-forensics", "image-manipulation-detection", "image-manipulation-localization", "pscc-net"],
    }
    results = [
        {
            "task": {"type": "image-segmentation", "name": "image manipulation localization and detection"},
            "dataset": {"type": name, "name": SETS.get(name, name)},
            "metrics": [
                {"type": kind, "name": title, "value": round(scores[score], 4)}
                for score, (kind, title) in METRICS.items()
                if score in scores
            ],
        }
        for name, scores in card.scores.items()
    ]
    results = [result for result in results if result["metrics"]]
    return head | ({"model-index": [{"name": f"psccnet {card.name}", "results": results}]} if results else {})


def _opening(card: Card) -> str:
    network = card.architecture
    head = "the paper's detection head" if network.detection == "head" else "the contrast of mask 2"
    size = f"; {card.parameters:,} parameters" if card.parameters else ""
    return (
        "Weights that say whether a picture was manipulated (splicing, copy-move, removal), and show where: PSCC-Net"
        f" (Liu, Liu, Chen and Liu, IEEE TCSVT 2022), variant `{network.variant}`, stem `{network.stem}`, attention"
        f" `{network.attention}`, a grid of {network.grid} x {network.grid}, detection by {head}{size}."
    )


_USE = """\
A first look at pictures by people who then look closer, and research on image manipulation. The verdict is a hint and
no proof: it must not decide alone about a person, a claim or a publication."""

_CITATION = """\
Xiaohong Liu, Yaojie Liu, Jun Chen, Xiaoming Liu: PSCC-Net: Progressive Spatio-Channel Correlation Network for Image
Manipulation Detection and Localization. IEEE Transactions on Circuits and Systems for Video Technology, 2022. The
authors of the paper have no part in these weights."""

_LICENCES = {"mit", "apache-2.0", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc0-1.0"}
"""Those of the hub's names for licences that weights may well have."""


def _measured(card: Card) -> str:
    """Every score of every set with its interval, then the command that makes them again."""
    parts = [
        f"The network alone at its threshold of {card.threshold:g}. In brackets the 95 % bootstrap interval over"
        f" pictures, where at least {FEWEST} of each class were measured.",
        scores_table(card),
        "All scores:",
    ]
    for name, scores in card.scores.items():
        forged, untouched = counts(scores)
        lines = [f"| {name}: {forged:,} forged, {untouched:,} untouched | |", "|---|---|"]
        for score in scores:
            if score not in ("forged", "pictures") and not score.endswith(("_low", "_high")):
                lines.append(f"| `{score}` | {_cell(scores, score, 'score')} |")
        parts.append("\n".join(lines))
    if card.reproduce:
        parts += ["The same figures again:", f"```\n{card.reproduce}\n```"]
    return "\n\n".join(parts)


def _made(card: Card) -> str:
    facts = []
    if card.steps:
        facts.append(f"{card.steps:,} optimiser steps, {card.pictures:,} pictures (repetitions counted).")
    if card.calibration is not None:
        seen = ", ".join(f"{count:,} {size}" for size, count in card.calibration.pictures.items())
        facts.append(f"Scores calibrated by untouched pictures ({card.calibration.of}): {seen}.")
    if card.mask_calibration is not None:
        masks = card.mask_calibration
        facts.append(
            f"Masks calibrated by {masks.pictures:,} forged pictures ({masks.of}): {masks.level:.3f} of the network"
            f" becomes 0.5."
        )
    if card.created and card.psccnet_version:
        facts.append(f"Written {card.created} by psccnet {card.psccnet_version}.")
    facts.append(f"SHA-256 of the weight file: `{card.sha256}`." if card.sha256 else "")
    if card.recipe:
        facts.append("The training recipe in full: `recipe` in the card, which `psccnet weights card` prints.")
    return "\n".join(f"- {fact}" for fact in facts if fact) or "Not known."


def _use_of(card: Card) -> str:
    return (
        f"```\npsccnet detect photo.jpg --weights {card.name}.safetensors --out results/\n```\n\n"
        f'```python\nimport psccnet\n\nresult = psccnet.load("{card.name}.safetensors").detect("photo.jpg")\n```'
    )
