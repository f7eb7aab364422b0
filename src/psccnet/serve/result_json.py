"""A result as JSON of the API."""

import time
from typing import Any

from psccnet.report.sentences import false_alarm_sentence, limits, meaning, rate
from psccnet.serve.store import StoredResult
from psccnet.weights.card import Card


def describe(stored: StoredResult, card: Card, seconds: float) -> dict[str, Any]:
    """Describe a result: the verdict in words and numbers, and links to the drawings.

    Args:
        kept: the result.
        card: of the weights.
        seconds: that results are kept, in all.
    """
    result, address = stored.outcome.result, f"/v1/results/{stored.id}"
    fields = result.to_dict()
    for number, (finding, finding_fields) in enumerate(zip(result.findings, fields["findings"], strict=True)):
        has_drawing = finding.map is not None or bool(finding.regions)
        finding_fields |= {
            "title": finding.title,
            "rate": rate(finding),
            "drawing": f"{address}/evidence/{number}.png" if has_drawing else None,
        }
    kinds = ("mask", "mask16", "overlay", "masks", "picture")
    links = {kind: f"{address}/{kind}.png" for kind in kinds}
    links |= {"report": f"{address}/report.html", "paper": f"{address}/report.pdf", "response": f"{address}/response"}
    links |= {f"mask{scale}": f"{address}/masks/{scale}" for scale in sorted(result.masks)}
    if stored.outcome.fused is not None:
        links["mask0"] = f"{address}/masks/0"
    return {
        "id": stored.id,
        "expires_in": round(min(seconds, max(0.0, stored.expires - time.monotonic())), 1),
        "words": result.words,
        "meaning": meaning(result, card),
        "how_sure": false_alarm_sentence(result, card),
        "place": result.place,
        **fields,
        "facts": [list(fact) for fact in stored.outcome.facts],
        "limits": limits(card),
        "explained": sorted(stored.outcome.module_inputs),
        "links": links,
    }
