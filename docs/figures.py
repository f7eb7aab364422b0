"""Write the figures of README.md and docs/*.md from the files that hold them: `make readme`.

They come from the card of the bundled weights and from docs/results/: speed.csv, and verdict-casia1.json, which
benchmarks/verdict.py writes. Each part stands between two comments that name it. A test compares the pages with these
files, so that no figure in them is older than its source or copied by hand.
"""

import csv
import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from psccnet.inference.verdict import FORGED
from psccnet.report.model_card import model_card, scores_table
from psccnet.weights.card import Card, bundled, read_card

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))
import scan_cost  # noqa: E402 (found by the line above)

RESULTS = ROOT / "docs" / "results"
RELEASED = "the released code's arithmetic, eager float32"
Timed = dict[str, str]


def written(text: str, name: str, content: str) -> str:
    """A page with new content between the comments that begin and end a part.

    Args:
        text: the page, which has `<!-- NAME: written by ... -->` and `<!-- end of NAME -->`.
        name: of the part.
        content: what is to stand there.
    """
    part = re.compile(rf"(?s)(<!-- {re.escape(name)}: [^\n]*-->\n).*?(<!-- end of {re.escape(name)} -->)")
    if len(part.findall(text)) != 1:
        raise ValueError(f"the part {name!r} is not there once")
    return part.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def paragraph(text: str) -> str:
    """Text in lines of at most 120 characters; code between backticks stays on one line."""
    whole = re.sub(r"`[^`]+`", lambda code: code[0].replace(" ", "\0"), text)
    return "\n".join(textwrap.wrap(whole, 120, break_long_words=False, break_on_hyphens=False)).replace("\0", " ")


def percent(scores: dict[str, float], name: str) -> str:
    """A share, with its 95 % interval if there is one."""
    low, high = scores.get(f"{name}_low"), scores.get(f"{name}_high")
    return f"{100 * scores[name]:.0f} %" + (
        f" ({100 * low:.0f} to {100 * high:.0f})" if low is not None and high is not None else ""
    )


def three(scores: dict[str, float], name: str, brackets: str = "({} to {})") -> str:
    """A score with three digits, with its 95 % interval if there is one."""
    low, high = scores.get(f"{name}_low"), scores.get(f"{name}_high")
    ends = brackets.format(f"{low:.3f}", f"{high:.3f}") if low is not None and high is not None else ""
    return f"{scores[name]:.3f} {ends}".strip()


def verdict_paragraph(verdict: dict[str, Any]) -> str:
    """What network and traces together find, for README."""
    scores = verdict["scores"]
    forged, untouched = scores["forged"], scores["pictures"] - scores["forged"]
    kinds = " and ".join(
        f"{percent(scores, f'found_{kind}')} of the {scores[f'forged_{kind}']} {plural}"
        for kind, plural in (("copy-move", "copy-moves"), ("splicing", "splicings"))
    )
    return paragraph(
        f"At 5 % false alarms psccnet finds {percent(scores, 'tpr_5')} of the {forged} forgeries of CASIA v1. Its"
        f" verdict is forged or suspicious for {percent(scores, 'found')} of them, {kinds}, and for"
        f" {round(scores['false_alarms'] * untouched)} of the {untouched} untouched pictures; it is made to call at"
        f" most {100 * FORGED:.0f} % of untouched pictures forged. The mask has a pixel AUC of"
        f" {three(scores, 'pixel_auc')} and a mean F1 of {three(scores, 'f1_half')} at 0.5. Measured by"
        f" `{verdict['command']}`."
    )


def verdict_table(verdict: dict[str, Any], card: Card) -> str:
    """Network alone beside network and traces, for docs/evidence.md."""
    both, alone = verdict["scores"], card.scores["casia1"]

    def kinds(name: str) -> str:
        return f"copy-move {both[f'{name}_copy-move']:.3f}, splicing {both[f'{name}_splicing']:.3f}"

    forged, untouched = both["forged"], both["pictures"] - both["forged"]
    rows = [
        f"Network and traces together, on CASIA v1 ({forged} forged, {untouched} untouched; {verdict['measured']},",
        f"`{verdict['command']}`):\n",
        "| | network alone | with all traces |",
        "|---|---|---|",
    ]
    for name, text, more in (
        ("found", "forged pictures whose verdict is forged (with traces: or suspicious)", f" ({kinds('found')})"),
        ("false_alarms", "untouched pictures, likewise", ""),
        ("tpr_5", "forged pictures found at 5 % false alarms", ""),
        ("image_auc", "image AUC", ""),
        ("pixel_auc", "pixel AUC", f" ({kinds('pixel_auc')})"),
        ("f1_half", "F1 at 0.5", ""),
    ):
        figure = three(both, name, "[{}, {}]")
        if both[name] == 0:  # resampling tells nothing of what never happened; the binomial distribution does
            figure = f"0.000 [0.000, {1 - 0.025 ** (1 / (untouched if name == 'false_alarms' else forged)):.3f}]"
        rows.append(f"| {text} | {alone[name]:.3f} | {figure}{more} |")
    return "\n".join(rows)


def timed(rows: list[Timed], **wanted: str) -> list[Timed]:
    """The rows of speed.csv with these values."""
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def speed_table(rows: list[Timed]) -> str:
    """Seconds for one picture of 1920 x 1080 by processor, for README."""
    lines = [
        "| processor | the released code's arithmetic | `default` | `unshuffled`, weaker so far |",
        "|---|---:|---:|---:|",
    ]
    large = timed(rows, width="1920", height="1080")
    for processor in dict.fromkeys(row["processor"] for row in large):
        here = timed(large, processor=processor)
        best = [row for row in here if row["way"].endswith("bf16")] or here
        seconds = [[row["seconds"] for row in best if row["weights"] == name] for name in ("default", "unshuffled")]
        busy = ", other work beside it" if any("other work" in row["note"] for row in here) else ""
        precision = best[0]["way"].rpartition(", ")[2] if best is not here else "float32"
        (released,) = timed(here, way=RELEASED)
        cells = [" to ".join(sorted(found, key=float)) for found in seconds]
        lines.append(f"| {scan_cost.label(processor, precision)}{busy} | {released['seconds']} | {' | '.join(cells)} |")
    amx = timed(rows, processor="AMX", width="1920")
    released, ours = timed(amx, way=RELEASED)[0], timed(amx, weights="default", way="OpenVINO, bf16")[0]
    largest = max(rows, key=lambda row: int(row["width"]) * int(row["height"]))
    pixels = int(largest["width"]) * int(largest["height"])
    memory = paragraph(
        f"With AMX, the released arithmetic takes {int(released['peak_mb']):,} MB of memory and psccnet"
        f" {int(ours['peak_mb']):,} MB. Pictures of any size are computed in tiles, with the same result as on the"
        f" whole picture: {pixels / 1e6:.0f} megapixels in {largest['seconds']} s and {int(largest['peak_mb']):,} MB."
    )
    return "\n".join([*lines, "", memory])


def engine_table(rows: list[Timed], heading: str) -> str:
    """The ways of one processor beside the released arithmetic where that was measured, for docs/engine.md."""
    released = next((float(row["seconds"]) for row in rows if row["way"] == RELEASED), None)
    columns = [heading, "seconds", *(["faster"] if released else []), "peak MB", "measured"]
    lines = [f"| {' | '.join(columns)} |", f"|---{'|---:' * (len(columns) - 2)}|---|"]
    for row in rows:
        size = "" if released else f"{row['width']} x {row['height']}, "
        way = f"{size}{row['way']}" + (f", `{row['weights']}`" if row["weights"] else "")
        times = [f"{released / float(row['seconds']):.1f} x"] if released else []
        memory = f"{int(row['peak_mb']):,}" if row["peak_mb"] else ""
        cells = [way, row["seconds"], *times, memory, f"{row['measured']}, {row['note']}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def engine_page(text: str, rows: list[Timed]) -> str:
    """docs/engine.md with its tables of speed."""
    for name, heading, wanted in (
        ("speed with AVX-512 BF16", "1920 x 1080", {"processor": "AVX-512 BF16", "width": "1920"}),
        ("speed with AVX2", "1920 x 1080", {"processor": "AVX2", "width": "1920"}),
        ("speed with AMX", "1920 x 1080", {"processor": "AMX", "width": "1920"}),
        ("speed of small pictures", "256 x 256", {"processor": "AMX", "width": "256"}),
    ):
        text = written(text, name, engine_table(timed(rows, **wanted), heading))
    large = [row for row in rows if int(row["width"]) > 1920]
    return written(text, "speed of large pictures", engine_table(large, "first picture of a process"))


def files(card: Card) -> dict[Path, str]:
    """The pages that hold figures -> their text."""
    with (RESULTS / "speed.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    verdict = json.loads((RESULTS / "verdict-casia1.json").read_text(encoding="utf-8"))
    readme, engine, evidence, scan = (
        ROOT / "README.md",
        *(ROOT / "docs" / f"{name}.md" for name in ("engine", "evidence", "scan")),
    )
    text = written(readme.read_text(encoding="utf-8"), "scores", scores_table(card))
    text = written(text, "verdict", verdict_paragraph(verdict))
    return {
        readme: written(text, "speed", speed_table(rows)),
        ROOT / "docs" / "model-card.md": model_card(card),
        engine: engine_page(engine.read_text(encoding="utf-8"), rows),
        evidence: written(evidence.read_text(encoding="utf-8"), "verdict", verdict_table(verdict, card)),
        scan: written(scan.read_text(encoding="utf-8"), "cost", scan_cost.table()),
    }


if __name__ == "__main__":
    for path, text in files(read_card(bundled()["default"])).items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
