"""Masks that another program wrote, so that any method can be measured under the same protocol and file list."""

import csv
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from psccnet.evaluation.comparators.base import Localization, Question
from psccnet.pictures.decoding import PictureError
from psccnet.pictures.resampling import resample


class Written:
    """The answers of another program, read from a folder.

    The mask of the picture `a/b.jpg` is `a/b.jpg.png` or `a/b.png`, grey with 8 or 16 bits, black where pristine, of
    any size; scores stand in `scores.csv` with the columns image and score (0..1), where the program has them, and are
    the mask's maximum otherwise. Pictures of a set may have their answers in a folder named after it, and in that
    distorted ones in a folder named after the condition.

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
        digest = hashlib.sha256()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            facts = path.stat()
            digest.update(f"{path.relative_to(folder)} {facts.st_size} {facts.st_mtime_ns}\n".encode())
        self.identity = digest.hexdigest()
        self._scores: dict[Path, dict[str, float]] = {}

    def localize(self, question: Question, /) -> Localization:
        """Read the answer to the question.

        Raises:
            PictureError: if there is none or it cannot be read.
        """
        folder = self.folder / question.set if question.set and (self.folder / question.set).is_dir() else self.folder
        folder = folder / question.condition if question.condition else folder
        names = (folder / f"{question.id}.png", folder / Path(question.id).with_suffix(".png"))
        # An id may be an absolute path or lead elsewhere, where the truth may lie.
        within = [path for path in names if path.resolve().is_relative_to(self.folder.resolve())]
        path = next((one for one in within if one.is_file()), None)
        if path is None:
            raise PictureError(f"{within[-1] if within else folder}: {self.name} has no mask there; let it write one.")
        mask = resample(read_grey(path), *question.image.shape[:2])
        scores = folder / "scores.csv"
        if not scores.is_file():
            return Localization(mask, float(mask.max()))
        if scores not in self._scores:
            self._scores[scores] = read_scores(scores)
        if question.id not in self._scores[scores]:
            raise PictureError(f"{scores}: {self.name} has no score of {question.id} there; add a row.")
        return Localization(mask, self._scores[scores][question.id])


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
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            scores = {row["image"]: float(row["score"]) for row in csv.DictReader(file)}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{path}: it needs the columns image and score, a number each ({error}).") from error
    wrong = next((name for name, score in scores.items() if not 0 <= score <= 1), None)
    if wrong is not None:
        raise ValueError(f"{path}: the score of {wrong} is not within 0..1.")
    return scores
