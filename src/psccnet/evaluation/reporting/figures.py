"""The figures of the paper as matplotlib figures, readable in grey too, and the files that they are written to."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from psccnet.datasets.entry import Entry
from psccnet.evaluation.comparators import Comparator, Question
from psccnet.evaluation.rows import Row
from psccnet.metrics import auc, auc_of, count
from psccnet.pictures.resampling import resample
from psccnet.pictures.sample import Mask, Picture, Sample
from psccnet.pictures.whole_files import make_folder, write_whole

LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
"""Lines of a plot differ in their dashes, not only in their colours."""
CELL = 1.7
"""Side of a picture in a grid, in inches."""
SCALE, RESPONSE_SCALE = "viridis", "inferno"
"""Colour scales of masks and of SCCM's responses: perceptually even, for the colour-blind and in grey, too."""
Bars = dict[str, str]
"""Colour scales that a grid explains beside it, each with what it shows."""


@dataclass(frozen=True)
class Panel:
    """One picture in a grid.

    Attributes:
        image: (H, W, 3) uint8, a mask (H, W) bool shown in black and white, or a map (H, W) in 0..1 in colours.
        title: above it, if not empty.
        over: a map (H, W) in 0..1 laid over the picture.
        points: (x, y) marked and numbered from 1.
    """

    image: NDArray[np.generic]
    title: str = ""
    over: NDArray[np.float32] | None = None
    points: Sequence[tuple[int, int]] = ()


def roc(rows: dict[str, list[Row]], title: str = "") -> Figure:
    """Fig. 7: ROC curves of detection, one a comparator, with AUC and the mark of 1 % false alarms.

    Args:
        rows: of each comparator, one a picture, forged and pristine ones.
        title: above it.
    """
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.subplots()
    for number, (name, of) in enumerate(rows.items()):
        counts = count([row.score for row in of], [row.forged for row in of])
        true, false = counts.called()
        x = np.append(false / counts.negatives, 0)[::-1]
        y = np.append(true / counts.positives, 0)[::-1]
        axes.plot(x, y, linestyle=LINES[number % len(LINES)], label=f"{name}, AUC {100 * auc_of(counts):.1f} %")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
    axes.axvline(0.01, color="0.7", linewidth=0.8)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="False positive rate", ylabel="True positive rate", title=title)
    axes.set_aspect("equal")
    axes.legend(loc="lower right", fontsize="small")
    return figure


def grid(lines: list[list[Panel]], bars: Bars | None = None) -> Figure:
    """Pictures in lines, a title above those that have one, and beside them a bar for each colour scale."""
    columns = max(len(line) for line in lines)
    shapes = [[panel.image.shape[:2] for panel in line] for line in lines]
    heights = [max(height / width for height, width in line) for line in shapes]
    size = (CELL * columns, CELL * sum(heights) + 0.25 * sum(any(panel.title for panel in line) for line in lines))
    figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)  # type: ignore[union-attr, call-arg]
    every = figure.subplots(len(lines), columns, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes_line, line in zip(every, lines, strict=True):
        for axes, panel in zip(axes_line, line, strict=False):
            _show(axes, panel)
        for axes in axes_line[len(line) :]:
            axes.set_axis_off()
    for scale, text in (bars or {}).items():
        bar = figure.colorbar(ScalarMappable(Normalize(0, 1), scale), ax=every, aspect=30, pad=0.01, fraction=0.04)
        bar.set_label(text, fontsize="small")
        bar.ax.tick_params(labelsize="x-small")
    return figure


def _show(axes: Axes, panel: Panel) -> None:
    axes.imshow(panel.image, cmap="gray" if panel.image.dtype == np.bool_ else SCALE, vmin=0, vmax=1)
    if panel.over is not None:
        # Where nothing responds the picture shows through.
        axes.imshow(panel.over, cmap=RESPONSE_SCALE, vmin=0, vmax=1, alpha=0.35 + 0.6 * panel.over)
    for number, (x, y) in enumerate(panel.points, 1):
        axes.plot(x, y, marker="o", markersize=5, markerfacecolor="white", markeredgecolor="black")
        axes.annotate(
            f"P{number}",
            (x, y),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize="x-small",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "black", "linewidth": 0.5},
        )
    axes.set_title(panel.title, fontsize="small", pad=3)
    axes.set(xticks=[], yticks=[])


_MASKS: Bars = {SCALE: "mask: 0 pristine, 1 forged"}


def compared(entries: list[Entry], comparators: list[Comparator]) -> Figure:
    """Figs. 5, 6, 8 and 11: picture, ground truth and each comparator's mask, with its pixel AUC or its score."""
    lines = []
    for number, entry in enumerate(entries):
        sample, truth, line = _opening(number, entry)
        for comparator in comparators:
            answer = comparator.localize(_question(sample, entry))
            note = f"AUC {100 * auc(answer.mask, truth):.0f} %" if entry.forged else f"score {answer.score:.2f}"
            line.append(Panel(answer.mask, f"{comparator.name}, {note}" if number == 0 else note))
        lines.append(line)
    return grid(lines, _MASKS)


def progression(entries: list[Entry], network: Comparator) -> Figure:
    """Fig. 10: picture, ground truth, and the masks from scale 4 to scale 1."""
    lines = []
    for number, entry in enumerate(entries):
        sample, truth, line = _opening(number, entry)
        for scale in (4, 3, 2, 1):
            mask = network.localize(Question(sample.image, entry.id, entry.set, exit_scale=scale)).mask
            note = f", AUC {100 * auc(mask, truth):.0f} %" if entry.forged else ""
            line.append(Panel(mask, f"Mask {scale}{note}"))
        lines.append(line)
    return grid(lines, _MASKS)


def _question(sample: Sample, entry: Entry) -> Question:
    return Question(sample.image, entry.id, entry.set, orientation=sample.orientation, file=entry.image)


def _opening(number: int, entry: Entry) -> tuple[Sample, Mask, list[Panel]]:
    """A picture, its ground truth, and the panels of both; columns are named once."""
    sample = entry.read()
    truth = sample.mask if sample.mask is not None else np.zeros(sample.image.shape[:2], np.bool_)
    return sample, truth, [Panel(sample.image, entry.manipulation), Panel(truth, "" if number else "ground truth")]


def responses(
    shown: list[tuple[str, Picture, Mask, list[tuple[int, int]], list[NDArray[np.float32]]]],
) -> Figure:
    """Fig. 9: picture with its points, ground truth, the spatial response of each point, X and Y_c.

    Args:
        shown: a line each: manipulation, picture, ground truth, points, and maps of any size: the responses of the
            points, then X and Y_c, each brought to 0..1 for itself (the responses of a line together).
    """
    lines = []
    for number, (manipulation, picture, truth, points, maps) in enumerate(shown):
        height, width = picture.shape[:2]
        line = [Panel(picture, manipulation, points=points), Panel(truth, "" if number else "ground truth")]
        high = max(float(response.max()) for response in maps[: len(points)])
        for at, response in enumerate(maps[: len(points)], 1):
            over = resample(response / high, height, width)
            line.append(Panel(picture, f"P{at} response" if number == 0 else "", over=over))
        for name, values in zip(("X, channel 1", "$Y_c$, channel 1"), maps[len(points) :], strict=True):
            low, high = float(values.min()), float(values.max())
            even = resample((values - low) / max(high - low, 1e-12), height, width)
            line.append(Panel(even, name if number == 0 else ""))
        lines.append(line)
    return grid(lines, {SCALE: "X and $Y_c$: lowest 0, highest 1", RESPONSE_SCALE: "response: highest of the line 1"})


def write_figure(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as PNG and PDF beside each other, whole or not at all.

    Args:
        figure: what to draw.
        path: of either file; its ending is replaced.

    Returns:
        The two files.
    """
    make_folder(path.parent)
    contents = {}
    for kind, extra in (("png", {"dpi": 150}), ("pdf", {"dpi": 200, "metadata": {"CreationDate": None}})):
        data = io.BytesIO()
        figure.savefig(data, format=kind, **extra)
        contents[path.with_suffix(f".{kind}")] = data.getvalue()
    write_whole(contents)
    return list(contents)
