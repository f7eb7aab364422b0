"""The verdict's threshold, from scores of pristine pictures."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from psccnet.datasets.entry import Entry
from psccnet.errors import InputError
from psccnet.inference import load_detector
from psccnet.training.published import find_validation_sets

FALSE_ALARMS = 0.05
"""Share of pristine pictures that may be called forged."""
FEWEST = 20
"""Pristine pictures, so that this share is one of them at least."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Calibration:
    """A threshold and what it does on the pictures that it was chosen on.

    Attributes:
        threshold: at and above it a picture is called forged.
        alarms: how many of the pristine pictures are.
        pristine: how many there were.
        found: how many of the forged pictures are.
        forged: how many there were.
    """

    threshold: float
    alarms: int
    pristine: int
    found: int
    forged: int

    def __str__(self) -> str:
        """In a sentence."""
        text = f"The threshold {self.threshold:.3f} calls {self.alarms} of the {self.pristine} pristine pictures forged"
        others = f", and {self.found} of {self.forged} forged ones" if self.forged else ""
        return f"{text} that it was chosen by{others}."


def find_pictures(pictures: str) -> list[Entry]:
    """The pictures to choose a threshold by.

    Args:
        pictures: a listing (a CSV, or a folder with index.csv), NAME=FOLDER by the names of `psccnet datasets list`, or
            a folder of pristine pictures.

    Raises:
        InputError: if there are not 20 pristine pictures, or the words are no such set.
        MissingFileError: if there is no such file or folder.
    """
    path = Path(pictures)
    words = f"folders={pictures}" if path.is_dir() and not (path / "index.csv").is_file() else pictures
    entries = [entry for entries in find_validation_sets([words], None).values() for entry in entries]
    pristine = sum(not entry.forged for entry in entries)
    if pristine < FEWEST:
        raise InputError(f"{pictures} has {pristine} pristine pictures; a threshold needs {FEWEST} at least.")
    return entries


def calibrate(weights: Path, entries: Sequence[Entry]) -> Calibration:
    """Choose the threshold of weights by detecting in pictures; what cannot be read is said and left out.

    Args:
        weights: a .safetensors file with its card.
        entries: the pictures.

    Raises:
        InputError: if not 20 pristine pictures can be read, or too many of them have the highest score.
    """
    log.info("choosing the threshold by %d pictures", len(entries))
    forged_by_path = {str(entry.image): entry.forged for entry in entries}
    scores: dict[bool, list[float]] = {False: [], True: []}
    left_out: set[str] = set()

    def failed(picture: object, error: Exception) -> None:
        left_out.add(str(picture))
        log.warning("left out: %s", error)

    results = load_detector(str(weights)).detect_many(forged_by_path, failed=failed)
    scored = [result.score for result in results]
    for name, score in zip((name for name in forged_by_path if name not in left_out), scored, strict=True):
        scores[forged_by_path[name]].append(score)
    if len(scores[False]) < FEWEST:
        raise InputError(f"{len(scores[False])} pristine pictures can be read; a threshold needs {FEWEST} at least.")
    threshold = threshold_for(scores[False])
    alarms, found = (sum(score >= threshold for score in scores[forged]) for forged in (False, True))
    return Calibration(threshold, alarms, len(scores[False]), found, len(scores[True]))


def threshold_for(pristine: Sequence[float], false_alarms: float = FALSE_ALARMS) -> float:
    """The lowest threshold that at most this share of the pristine pictures reach, halfway to the next score.

    Args:
        pristine: scores, 0..1.
        false_alarms: the share.

    Raises:
        InputError: if so many have the highest possible score that there is no threshold.
    """
    falling = np.sort(np.asarray(pristine, np.float64))[::-1]
    allowed = math.floor(false_alarms * falling.size + 1e-9)
    passed = float(falling[min(allowed, falling.size - 1)])  # this one must stay below
    if passed >= 1:
        raise InputError("too many pristine pictures have the score 1: these weights give no threshold.")
    above = falling[falling > passed]
    return (passed + float(above.min() if above.size else 1.0)) / 2
