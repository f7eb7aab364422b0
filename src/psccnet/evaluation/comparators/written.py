"""Masks that another program wrote, so that any method can be measured under the same protocol and file list."""

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from psccnet.errors import InputError, MissingFileError, PictureError
from psccnet.evaluation.comparators.base import Localization, Question
from psccnet.pictures.resampling import resample
from psccnet.pictures.whole_files import read_text


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
        MissingFileError: if there is no such folder.
    """

    exit_scales = False
    threshold = float("nan")

    def __init__(self, name: str, folder: Path) -> None:
        if not folder.is_dir():
            raise MissingFileError(f"{folder}: there is no such folder; it is to hold the masks of {name}.")
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
            grey = file.copy() if file.mode.startswith("I;16") else file.convert("L")
    except Exception as error:  # Of damaged files, Pillow raises whatever comes up.
        raise PictureError(f"{path}: not a picture, or damaged; let it be written again.") from error
    values = np.asarray(grey)
    return np.asarray(values / (65535 if values.dtype == np.uint16 else 255), np.float32)


def read_scores(path: Path) -> dict[str, float]:
    """Image -> score of a CSV with these columns.

    Raises:
        InputError: if it is no such file or a score is not a number within 0..1; the message names it.
    """
    scores: dict[str, float] = {}
    try:
        for row in csv.DictReader(io.StringIO(read_text(path), newline="")):
            name, score = row.get("image"), row.get("score")
            if name is None or score is None:
                raise InputError(f"{path}: it needs the columns image and score in every row; mend it.")
            scores[name] = _number(score)
            if not 0 <= scores[name] <= 1:
                raise InputError(f"{path}: the score of {name} is not a number within 0..1; mend the row.")
    except csv.Error as error:
        raise InputError(f"{path}: not a CSV; it needs the columns image and score.") from error
    return scores


def _number(text: str) -> float:
    """The number that a text is; NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
