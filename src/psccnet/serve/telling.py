"""A result as the API tells it."""

import time
from typing import Any

from psccnet.report.words import false_alarm_sentence, limits, meaning, rate
from psccnet.serve.store import Kept
from psccnet.weights.card import Card


def describe(kept: Kept, card: Card, seconds: float) -> dict[str, Any]:
    """The verdict in words and numbers, and where the drawings are.

    Args:
        kept: the result.
        card: of the weights.
        seconds: that results are kept, in all.
    """
    result, here = kept.looked.result, f"/v1/results/{kept.id}"
    told = result.to_dict()
    for number, (finding, said) in enumerate(zip(result.findings, told["findings"], strict=True)):
        drawn = finding.map is not None or bool(finding.regions)
        said |= {
            "title": finding.title,
            "rate": rate(finding),
            "drawing": f"{here}/evidence/{number}.png" if drawn else None,
        }
    kinds = ("mask", "mask16", "overlay", "masks", "picture")
    links = {kind: f"{here}/{kind}.png" for kind in kinds}
    links |= {"report": f"{here}/report.html", "paper": f"{here}/report.pdf", "response": f"{here}/response"}
    links |= {f"mask{scale}": f"{here}/masks/{scale}" for scale in sorted(result.masks)}
    if kept.looked.fused is not None:
        links["mask0"] = f"{here}/masks/0"
    return {
        "id": kept.id,
        "expires_in": round(min(seconds, max(0.0, kept.expires - time.monotonic())), 1),
        "words": result.words,
        "meaning": meaning(result, card),
        "how_sure": false_alarm_sentence(result, card),
        "place": result.place,
        **told,
        "facts": [list(fact) for fact in kept.looked.facts],
        "limits": limits(card),
        "explained": sorted(kept.looked.given),
        "links": links,
    }
