"""The curves of a run: one JSON object a line in curves.jsonl, each step once."""

import json
import time
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from psccnet.pictures.whole_files import write_whole, writing

NAME = "curves.jsonl"


class JsonLines(Logger):
    """Appends each set of logged values to a file as one JSON object a line.

    Lightning's CSVLogger deletes what it wrote before where a run is resumed.

    Args:
        path: the file, appended to.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def name(self) -> str:
        """The logger's name."""
        return "jsonl"

    @property
    def version(self) -> str:
        """There is one version."""
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append one line with the step, the Unix time and the values."""
        line = {"step": step, "time": round(time.time(), 1), **metrics}
        with writing(self.path), self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    @rank_zero_only
    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """The recipe is saved beside the curves, not in them."""


def read_curves(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's curves; none before the first. A line that was cut off in writing is left out."""
    path = folder / NAME
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    curves = []
    for line in lines:
        try:
            curves.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return [line for line in curves if isinstance(line, dict)]


@rank_zero_only
def cut_curves(folder: Path, steps: int) -> None:
    """Leave the first `steps` steps in a run's curves: the others are done again.

    Steps are counted from 0; what a checkpoint after N steps holds is told by the lines of steps 0 to N - 1.
    """
    kept = [line for line in read_curves(folder) if line["step"] is None or line["step"] < steps]
    write_whole({folder / NAME: "".join(json.dumps(line) + "\n" for line in kept).encode()})


def is_validated(folder: Path, steps: int) -> bool:
    """Whether the curves have a validation of the weights after so many steps."""
    return any("val/score" in line and line["step"] == steps - 1 for line in read_curves(folder))


def gain(folder: Path) -> str:
    """One line on what a run's validation said first (of its initial weights, where it has some) and at its best."""
    scores = [line for line in read_curves(folder) if "val/score" in line]
    last = folder / "last.ckpt"
    if not scores:
        return f"no validation yet; weights so far in {last}"
    first, best = scores[0], max(scores, key=lambda line: float(line["val/score"]))
    names = {"val/pixel_auc": "pixel AUC", "val/image_auc": "image AUC"}
    names |= {"val/real_pixel_auc": "real pixel AUC", "val/real_image_auc": "real image AUC"}
    if not (folder / "best.ckpt").is_file():
        return f"nothing was better than the weights at step {first['step']}; the last are in {last}"
    words = [f"{text} {first[name]:.3f} -> {best[name]:.3f}" for name, text in names.items() if name in first]
    return f"validation {', '.join(words)} (step {first['step']} -> {best['step']}); see {folder / 'best.ckpt'}"
