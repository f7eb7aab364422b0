"""`psccnet figure`: draw the figures of the paper from pictures with ground truth."""

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.measuring import find_sets, measure
from psccnet.cli.progress import report_left_out
from psccnet.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from psccnet.datasets.entry import Entry
    from psccnet.evaluation.reporting.measured import Measured

FigureNumber = Literal["5", "6", "7", "8", "9", "10", "11"]


def figure(
    number: FigureNumber,
    /,
    *,
    sets: Annotated[tuple[str, ...], Parameter(name="--set", negative=())],
    comparators: Annotated[tuple[str, ...], Parameter(name="--comparator", negative=())] = ("default",),
    pictures: Annotated[tuple[str, ...], Parameter(name="--picture", negative=())] = (),
    count: Annotated[int, Parameter(validator=Number(gte=1, lte=40))] = 6,
    out: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> int:
    """Draw a figure of the paper as PNG and PDF.

    5 and 6: masks side by side; 7: ROC of detection; 8: masks of pristine and forged pictures; 9: responses of the
    SCCM; 10: masks from coarse to fine; 11: the worst failures.

    For example:

        psccnet figure 7 --set listing=validation/ --comparator default --comparator ela

        psccnet figure 10 --set columbia=downloads/columbia --count 4 --out results/progression.png

    Args:
        number: of the figure.
        sets: NAME=FOLDER, with names from psccnet datasets list.
        comparators: weights (a bundled name, a file or a folder), centre, noise, ela, ghosts, or NAME=FOLDER with masks
            of another program; figures 9 and 10 use only the first one, which must be weights.
        pictures: ids of the pictures to show; by default some of each manipulation, chosen by a hash of their names.
        count: number of pictures, if none are named.
        out: the PNG, by default results/figure-N.png, with the PDF beside it. Runs are kept in runs/ of its folder.
        device: auto, cpu, cuda or mps.
        precision: auto, float32 or bf16.
    """
    from psccnet.evaluation.comparators import find_comparator
    from psccnet.evaluation.protocol import PROTOCOLS
    from psccnet.evaluation.reporting.figures import compared, progression, write_figure

    entries_by_set, failures = find_sets(sets)
    if pictures and number in ("7", "11"):
        raise InputError(f"--picture: figure {number} chooses its pictures by their scores")
    path = out or Path("results") / f"figure-{number}.png"
    found = [find_comparator(name, device, precision) for name in comparators]
    entries = [entry for entries in entries_by_set.values() for entry in entries]
    if number == "10" and not found[0].exit_scales:
        raise InputError(f"--comparator: {found[0].name} has one mask; figure 10 takes weights")
    if number in ("7", "11"):
        measured, unusable = measure(entries_by_set, found, PROTOCOLS["native"], path.parent / "runs")
        failures += unusable
    drawn: Figure
    if number == "7":
        drawn = _roc(measured)
    elif number == "9":
        drawn = _responses(_chosen(entries, pictures, count, "forged first"), comparators[0])
    elif number == "10":
        drawn = progression(_chosen(entries, pictures, count, "forged"), found[0])
    elif number == "11":
        drawn = compared(_worst(entries, measured, count), found)
    else:
        which = "both" if number == "8" else "forged"
        drawn = compared(_chosen(entries, pictures, count, which), found)
    status = report_left_out(failures)
    for file in write_figure(drawn, path):
        print(file)
    return status


def _chosen(entries: list["Entry"], pictures: tuple[str, ...], count: int, which: str) -> list["Entry"]:
    """The named pictures, or some of alternating manipulations, chosen by a hash of their names."""
    if pictures:
        by_id = {entry.id: entry for entry in entries}
        missing = [name for name in pictures if name not in by_id]
        if missing:
            raise InputError(
                f"--picture: there is no {missing[0]} in these sets; psccnet evaluate --out writes the ids of pictures"
            )
        return [by_id[name] for name in pictures]
    if which == "forged":
        entries = [entry for entry in entries if entry.forged]
    queues: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: hashlib.sha256(entry.id.encode()).digest()):
        # Figure 8 alternates between pristine and forged pictures, the others between manipulations.
        kind = "forged" if which == "both" and entry.forged else entry.manipulation
        queues.setdefault(kind, []).append(entry)
    if not queues:
        raise InputError("--set: these sets have no forged picture to show")
    kinds = sorted(queues, key=lambda kind: (kind == "pristine") == (which == "forged first"))
    turns = range(max(len(queue) for queue in queues.values()))
    return [queues[kind][turn] for turn in turns for kind in kinds if turn < len(queues[kind])][:count]


def _roc(measured: "Measured") -> "Figure":
    from psccnet.evaluation.reporting.figures import roc

    rows = {
        comparator: [row for title in measured.sets for row in measured.rows.get((title, comparator, ""), [])]
        for comparator in measured.comparators
    }
    if any(len({row.forged for row in of_comparator}) < 2 for of_comparator in rows.values()):
        raise InputError("--set: a ROC needs forged and pristine pictures; these sets lack one of them")
    return roc(rows, f"Detection on {', '.join(measured.sets)}")


def _worst(entries: list["Entry"], measured: "Measured", count: int) -> list["Entry"]:
    """The forged pictures with the lowest pixel AUC of the first comparator."""
    first = next(iter(measured.comparators))
    scores = {
        (row.set, row.id): row.pixels["pixel_auc"]
        for title in measured.sets
        for row in measured.rows.get((title, first, ""), [])
        if row.forged and not math.isnan(row.pixels["pixel_auc"])
    }
    if not scores:
        raise InputError("--set: these sets have no forged picture to show")
    by_key = {(entry.set, entry.id): entry for entry in entries}
    return [by_key[key] for key in sorted(scores, key=lambda key: scores[key])[:count]]


def _responses(entries: list["Entry"], weights: str) -> "Figure":
    from psccnet.evaluation.reporting.figures import responses as draw
    from psccnet.experiments.sccm_responses import choose_points, responses
    from psccnet.weights import load_network

    network, _ = load_network(weights)
    shown = []
    for entry in entries:
        sample = entry.read()
        assert sample.mask is not None
        points = choose_points(sample.mask)
        found = responses(network.eval(), sample.image, points)
        shown.append((entry.manipulation, sample.image, sample.mask, points, [*found.spatial, found.x, found.y_c]))
    return draw(shown)
