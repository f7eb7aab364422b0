"""The curves of a run: curves.jsonl with one JSON object per line; no step occurs twice."""

import json
import time
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from psccnet.pictures.whole_files import write_whole, writing

NAME = "curves.jsonl"


class JsonLines(Logger):
    """Logger that appends values to a file, as one JSON object per line.

    Lightning's CSVLogger would delete its earlier file when a run is resumed.

    Args:
        path: of the file.
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
        """Not used."""
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append one line with the step, the Unix time and the values."""
        line = {"step": step, "time": round(time.time(), 1), **metrics}
        with writing(self.path), self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    @rank_zero_only
    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Nothing: the recipe is a separate file."""


def read_curves(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's curves; empty if there is no file. An incomplete line is left out."""
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
    """Keep only the first `steps` steps in a run's curves, since a resumed run repeats the others.

    Steps are counted from 0: a checkpoint after N steps has the lines of steps 0 to N - 1.
    """
    kept = [line for line in read_curves(folder) if line["step"] is None or line["step"] < steps]
    write_whole({folder / NAME: "".join(json.dumps(line) + "\n" for line in kept).encode()})


def is_validated(folder: Path, steps: int) -> bool:
    """Whether the curves have a validation of the weights after `steps` steps."""
    return any("val/score" in line and line["step"] == steps - 1 for line in read_curves(folder))


def gain(folder: Path) -> str:
    """One line that compares a run's first validation, of initial weights if there are any, with its best one."""
    scores = [line for line in read_curves(folder) if "val/score" in line]
    last = folder / "last.ckpt"
    if not scores:
        return f"no validation yet; the weights so far are in {last}" if last.is_file() else "no validation yet"
    first, best = scores[0], max(scores, key=lambda line: float(line["val/score"]))
    names = {"val/pixel_auc": "pixel AUC", "val/image_auc": "image AUC"}
    names |= {"val/real_pixel_auc": "real pixel AUC", "val/real_image_auc": "real image AUC"}
    if not (folder / "best.ckpt").is_file():
        return f"no weights were better than those at step {first['step']}; the last are in {last}"
    gains = [f"{text} {first[name]:.3f} -> {best[name]:.3f}" for name, text in names.items() if name in first]
    return f"validation {', '.join(gains)} (step {first['step']} -> {best['step']}); see {folder / 'best.ckpt'}"
