"""Masks that another program wrote, so that any method can be measured under the same protocol and file list."""

import hashlib
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psccnet.datasets.tables import read_table
from psccnet.errors import InputError, MissingFileError, PictureError
from psccnet.evaluation.comparators.base import Localization, Question, lies_on_its_side
from psccnet.pictures.conversion import TURNED
from psccnet.pictures.masks import read_grey, told_by_size, turned
from psccnet.pictures.resampling import resample

_log = logging.getLogger(__name__)
_OURS = (".mask16.png",)
"""How the name ends of what `psccnet detect --out --write mask16` writes, which is upright."""


class Written:
    """The answers of another program, read from a folder.

    The mask of the picture `a/b.jpg` is `a/b.jpg.png` or `a/b.png`, or what `psccnet detect --write mask16` writes,
    grey with 8 or 16 bits, black or transparent where pristine, of any size. It is of the picture as it is seen, turned
    upright by its EXIF orientation; one whose shape is that of the stored pixels is turned, one that lies on its side
    otherwise is refused. Scores stand in `scores.csv` with the columns image and score (0..1), where the program has
    them, and are the mask's maximum otherwise. Pictures of a set may have their answers in a folder named after it, and
    in that distorted ones in a folder named after the condition.

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
        self._answered: dict[Path, str] = {}
        self._doubted = False

    def localize(self, question: Question, /) -> Localization:
        """Read the answer to the question.

        Raises:
            PictureError: if there is none, it cannot be read, it lies on its side, or it is another picture's as well.
        """
        folder = self.folder / question.set if question.set and (self.folder / question.set).is_dir() else self.folder
        folder = folder / question.condition if question.condition else folder
        names = (
            folder / f"{question.id}.png",
            folder / Path(question.id).with_suffix(".png"),
            *(folder / f"{question.id}{ending}" for ending in _OURS),
        )
        # An id may be an absolute path or lead elsewhere, where the truth may lie.
        within = [path for path in names if path.resolve().is_relative_to(self.folder.resolve())]
        path = next((mask for mask in within if mask.is_file()), None)
        if path is None:
            raise PictureError(
                f"{within[:2][-1] if within else folder}: {self.name} has no mask there; let it write that file."
            )
        other = self._answered.setdefault(path, question.id)
        if other != question.id:
            text = f"is the mask of {other} and of {question.id}; name it after one of them with its ending, and .png"
            raise PictureError(f"{path}: {text}.")
        height, width = question.image.shape[:2]
        mask = resample(self._upright(path, height, width, question.orientation), height, width)
        scores = folder / "scores.csv"
        if not scores.is_file():
            return Localization(mask, float(mask.max()))
        if scores not in self._scores:
            self._scores[scores] = read_scores(scores)
        if question.id not in self._scores[scores]:
            raise PictureError(f"{scores}: {self.name} has no score of {question.id} there; add a row.")
        return Localization(mask, self._scores[scores][question.id])

    def _upright(self, path: Path, height: int, width: int, orientation: int) -> NDArray[np.float32]:
        """A mask as its picture, height x width, is seen."""
        values, own = read_grey(path)
        lies = lies_on_its_side(values, height, width)
        if own == 1 and lies and orientation in TURNED:
            return np.asarray(turned(values, orientation), np.float32)
        if lies:
            raise PictureError(
                f"{path}: is {values.shape[1]} x {values.shape[0]}, but its picture as it is seen {width} x {height};"
                " let it be written as the picture is seen (EXIF orientation)."
            )
        ours = path.name.endswith(_OURS)
        if not (ours or self._doubted or own != 1 or told_by_size(height, width, orientation)):
            self._doubted = True
            _log.warning(
                "%s: pictures with an EXIF orientation have masks whose size does not show whether they are of the"
                " stored pixels or upright; they are taken as upright, which is how they are to be written.",
                self.name,
            )
        return values


def read_scores(path: Path) -> dict[str, float]:
    """Image -> score of a CSV with these columns.

    Raises:
        InputError: if it is no such file or a score is not a number within 0..1; the message names it.
    """
    scores: dict[str, float] = {}
    for row in read_table(path, ("image", "score")):
        name, score = row.cells["image"], _number(row.cells["score"])
        if not name or not 0 <= score <= 1:
            raise InputError(f"{path}: the score of {name} is not a number within 0..1; mend row {row.line}.")
        scores[name] = score
    return scores


def _number(text: str) -> float:
    """The number that a text is; NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
