"""Masks that another program wrote, so that any method can be measured under the same protocol and file list."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from psccnet.evaluation.comparators.base import Localization, Question
from psccnet.inference.decoding import PictureError
from psccnet.inference.resampling import resample


class Written:
    """The answers of another program, read from a folder.

    The mask of the picture `a/b.jpg` is `a/b.jpg.png`, `a/b.png` or `b.png`, grey with 8 or 16 bits, black where
    pristine, of any size; scores stand in `scores.csv` with the columns image and score (0..1), where the program has
    them, and are the mask's maximum otherwise. Distorted pictures have their answers in a folder each, named after the
    condition.

    Args:
        name: of the program.
        folder: with its answers.

    Raises:
        FileNotFoundError: if there is no such folder.
    """

    exit_scales = False
    threshold = float("nan")

    def __init__(self, name: str, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: there is no such folder; it is to hold the masks of {name}.")
        self.name = name
        self.folder = folder
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        newest = max((path.stat().st_mtime_ns for path in files), default=0)
        self.identity = f"{len(files)} files, newest {newest}"
        self._scores: dict[str, dict[str, float]] = {}

    def localize(self, question: Question, /) -> Localization:
        """Read the answer to the question.

        Raises:
            PictureError: if there is none or it cannot be read.
        """
        folder = self.folder / question.condition if question.condition else self.folder
        file = Path(question.id)
        names = (folder / f"{file}.png", folder / file.with_suffix(".png"), folder / f"{file.stem}.png")
        path = next((one for one in names if one.is_file()), None)
        if path is None:
            raise PictureError(f"{names[1]}: {self.name} has no mask there; let it write one.")
        mask = resample(read_grey(path), *question.image.shape[:2])
        score = self._scores_in(folder).get(question.id, float(mask.max()))
        return Localization(mask, score)

    def _scores_in(self, folder: Path) -> dict[str, float]:
        key = str(folder)
        if key not in self._scores:
            path = folder / "scores.csv"
            self._scores[key] = read_scores(path) if path.is_file() else {}
        return self._scores[key]


def read_grey(path: Path) -> NDArray[np.float32]:
    """A grey picture of 8 or 16 bits as (H, W) float32 in 0..1; PictureError if it is none."""
    try:
        with Image.open(path) as file:
            values = np.asarray(file if file.mode.startswith("I;16") else file.convert("L"))
    except (UnidentifiedImageError, OSError) as error:
        raise PictureError(f"{path}: not a picture ({error}); let it be written again.") from error
    return np.asarray(values / (65535 if values.dtype == np.uint16 else 255), np.float32)


def read_scores(path: Path) -> dict[str, float]:
    """Image -> score of a CSV with these columns.

    Raises:
        ValueError: if it is no such file or a score is not within 0..1; the message names it.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    try:
        scores = {row["image"]: float(row["score"]) for row in rows}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: it needs the columns image and score, a number each ({error}).") from error
    wrong = next((name for name, score in scores.items() if not 0 <= score <= 1), None)
    if wrong is not None:
        raise ValueError(f"{path}: the score of {wrong} is not within 0..1.")
    return scores
