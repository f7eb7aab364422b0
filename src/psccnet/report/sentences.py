"""Sentences that explain a verdict to readers without training; every figure comes from the card."""

from dataclasses import dataclass

from psccnet.evidence import Finding
from psccnet.inference import Result
from psccnet.weights.card import Card

SETS = {
    "casia1": "CASIA v1: splicings and copy-moves that people made",
    "cvip": "CVIP: large copy-moves",
    "synthetic": "forgeries that psccnet made of photographs",
}
"""Name of a data set -> description for readers."""


@dataclass(frozen=True)
class Measured:
    """How often the verdict was right on one set of pictures: a row of a table.

    Attributes:
        pictures: which they are.
        forged: how many forged ones, and how many of them were found, such as "19 % of 180 (14 to 25 %)".
        untouched: how many untouched ones were called forged, likewise.
        found: share of the forged ones that were found, 0..1.
        false_alarms: share of the untouched ones that were called forged, 0..1.
    """

    pictures: str
    forged: str
    untouched: str
    found: float
    false_alarms: float


def measured(card: Card) -> list[Measured]:
    """The figures of a card that say how often its verdict is right; empty where nobody measured them.

    Examples:
        >>> scores = {"pictures": 40, "forged": 20, "found": 0.8, "false_alarms": 0.05}
        >>> (row,) = measured(Card(name="mine", scores={"my set": scores}))
        >>> row.pictures, row.forged, row.untouched
        ('my set', '80 % of 20', '5 % of 20')
    """
    lines = []
    for name, scores in card.scores.items():
        if not {"found", "false_alarms", "forged", "pictures"} <= scores.keys():
            continue
        forged, others = int(scores["forged"]), int(scores["pictures"] - scores["forged"])
        found, alarms = _share(scores, "found", forged), _share(scores, "false_alarms", others)
        known = SETS.get(name, name)
        lines.append(Measured(known, found, alarms, scores["found"], scores["false_alarms"]))
    return lines


def _share(scores: dict[str, float], name: str, count: int) -> str:
    ends = ""
    if f"{name}_low" in scores and f"{name}_high" in scores:
        ends = f" ({100 * scores[f'{name}_low']:.0f} to {100 * scores[f'{name}_high']:.0f} %)"
    return f"{100 * scores[name]:.0f} % of {count}{ends}"


REASONS = {
    "network": "the network's score, which few untouched pictures reach",
    "copy-move": "a part that stands in the picture twice",
    "jpeg-grid": "a part with the JPEG squares of another file",
    "double-compression": "a part that was compressed once where the rest was compressed twice",
    "square-statistics": "a part with other statistics of compression, noise and colours than the rest",
    "noise": "a part with other noise",
}
"""Name of a reason in a judgement -> what people read."""


SENTENCES = {
    "score_of_network": "The network's score is {score}, the threshold of the network alone {threshold}.",
    "score_reaches": "The score of {score} reaches the threshold of {threshold}.",
    "score_below": "The score of {score} stays below the threshold of {threshold}.",
    "reasons": "What speaks for a manipulation: {reasons}.",
    "not_localized": "The place was not looked for.",
    "no_region": "No region stands out, so that the place remains open.",
    "region": "The region that stands out takes {share} of the picture.",
    "no_proof": "It is a reason to look closer, and no proof.",
    "nothing_speaks": "Neither it nor another trace speaks for a manipulation.",
    "network_says_nothing": "It does not speak for a manipulation; other traces were not looked for.",
    "not_authentic": "That does not make the picture authentic: {missed}",
    "judged_as_badly": "Of untouched pictures, about {share} are judged as badly or worse.",
    "other_threshold": (
        "The threshold was set to {threshold} for this picture; how often it is wrong was measured at {measured} only."
    ),
}
"""Sentences about a verdict, with places for numbers that are written out already; the page that works without a
server fills them in the browser."""


def meaning(result: Result, card: Card) -> str:
    """Explain a verdict: the score, the threshold, the reasons, and how far to trust it."""
    judgement = result.judgement
    if judgement is not None and judgement.note:
        return judgement.note
    if judgement is not None and _is_calibrated(result, card):
        # What counts is how many untouched pictures of this size score as much, and not the threshold.
        first = "score_of_network"
    else:
        first = "score_reaches" if result.score >= result.threshold else "score_below"
    sentences = [SENTENCES[first].format(score=f"{result.score:.3f}", threshold=f"{result.threshold:.3f}")]
    if result.words in ("forged", "suspicious"):
        if judgement is not None and judgement.reasons:
            reasons = "; ".join(REASONS.get(name, name) for name in judgement.reasons)
            sentences.append(SENTENCES["reasons"].format(reasons=reasons))
        sentences += [_where(result), SENTENCES["no_proof"]]
    else:
        if judgement is not None:
            sentences.append(SENTENCES["nothing_speaks"])
        sentences.append(SENTENCES["not_authentic"].format(missed=missed(card)))
    return " ".join(sentences)


def _is_calibrated(result: Result, card: Card) -> bool:
    """Whether the verdict follows the card's calibration, and not a threshold that was asked for."""
    return card.calibration is not None and abs(result.threshold - card.threshold) <= 1e-9


def _where(result: Result) -> str:
    if not result.localized:
        return SENTENCES["not_localized"]
    if result.level is None:
        return SENTENCES["no_region"]
    percent = 100 * result.marked_fraction
    share = f"{percent:.1f} %" if percent >= 0.1 else "less than 0.1 %"
    return SENTENCES["region"].format(share=share)


def missed(card: Card) -> str:
    """What share of known forgeries the network misses, the second half of a sentence.

    Examples:
        >>> scores = {"pictures": 40, "forged": 20, "found": 0.8, "false_alarms": 0.05}
        >>> missed(Card(name="mine", scores={"my set": scores}))
        'the network alone misses 20 % of known forgeries, depending on their kind.'
    """
    share = _span([1 - line.found for line in measured(card)])
    if not share:
        return "how many forgeries these weights miss, nobody has measured."
    return f"the network alone misses {share} of known forgeries, depending on their kind."


def _span(shares: list[float]) -> str:
    """The range of some shares in percent; empty where there are none."""
    if not shares:
        return ""
    low, high = (round(100 * share) for share in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def false_alarm_sentence(result: Result, card: Card) -> str:
    """State the measured share of untouched pictures that are judged as badly; empty where there is no verdict."""
    judgement = result.judgement
    if judgement is not None and judgement.false_alarms is None:
        return ""
    # A network without a calibration has the threshold's figures, and not the judgement's assumption.
    by_traces = judgement is not None and judgement.reasons[:1] not in ((), ("network",))
    if judgement is not None and (_is_calibrated(result, card) or by_traces):
        return SENTENCES["judged_as_badly"].format(share=_percent(judgement.false_alarms or 0.0))
    if measured(card) and abs(result.threshold - card.threshold) > 1e-9:
        return SENTENCES["other_threshold"].format(
            threshold=f"{result.threshold:.3f}", measured=f"{card.threshold:.3f}"
        )
    return reaching(card)


def reaching(card: Card) -> str:
    """How many untouched pictures reach the threshold of the card, a sentence.

    Examples:
        >>> reaching(Card(name="mine"))
        'How many untouched pictures reach the threshold, nobody has measured for these weights.'
        >>> scores = {"pictures": 40, "forged": 20, "found": 0.8, "false_alarms": 0.05}
        >>> reaching(Card(name="mine", scores={"my set": scores}))
        'Of untouched pictures, 5 % reach it, depending on their kind.'
    """
    lines = measured(card)
    if not lines:
        return "How many untouched pictures reach the threshold, nobody has measured for these weights."
    return f"Of untouched pictures, {_span([line.false_alarms for line in lines])} reach it, depending on their kind."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1g} %" if share >= 1e-4 else "0.01 % or fewer"


def limits(card: Card) -> list[str]:
    """The limits of the method, one or two sentences each."""
    grid = card.architecture.grid
    return [
        "“Nothing found” means that the network saw no trace of splicing, copy-move or removal. It does not mean that"
        " the picture is authentic. Pictures that were staged, made by a generator as a whole, or put into a false"
        " context leave no such trace.",
        "“Forged” means that a part of the picture does not go with the rest. Retouching without intent to deceive,"
        " captions, frames, stickers and beauty filters may look the same.",
        "Each upload to a network or messenger scales a picture down and compresses it again, which weakens the"
        " traces. Look for the earliest version of the picture.",
        f"Whatever a picture's size, the network compares {grid} x {grid} places of it. A change smaller than about"
        f" 1/{grid} of the picture's sides can hardly be seen.",
        "The score is no probability that can be carried over to your pictures: how often it is right depends on what"
        " kind of pictures and forgeries you meet. The outlined region is where to look, and not an exact border.",
    ]


def rate(finding: Finding) -> str:
    """State how often untouched pictures show such a finding; empty where it is no sign of a forgery.

    Examples:
        >>> rate(Finding("noise", "A part has less noise.", false_alarms=0.05))
        'About one in 20 untouched pictures shows as much.'
    """
    if finding.false_alarms is None:
        return ""
    if finding.false_alarms >= 1:
        return "Untouched pictures show as much all the time."
    if finding.false_alarms < 1e-6:
        return "Fewer than one in a million untouched pictures show as much, if their noise is what the trace assumes."
    return f"About one in {1 / finding.false_alarms:,.0f} untouched pictures shows as much."
