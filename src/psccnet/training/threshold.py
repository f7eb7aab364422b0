"""Choose the threshold of the verdict from the scores of pristine pictures."""

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
"""Least number of pristine pictures: `FALSE_ALARMS` of them is one picture."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Calibration:
    """A threshold, and its results on the pictures that it was chosen with.

    Attributes:
        threshold: pictures with this score or more are called forged.
        alarms: number of pristine pictures called forged.
        pristine: number of pristine pictures.
        found: number of forged pictures called forged.
        forged: number of forged pictures.
    """

    threshold: float
    alarms: int
    pristine: int
    found: int
    forged: int

    def __str__(self) -> str:
        """The result as a sentence."""
        text = f"The threshold {self.threshold:.3f} calls {self.alarms} of the {self.pristine} pristine pictures forged"
        others = f", and {self.found} of {self.forged} forged ones" if self.forged else ""
        return f"{text} that it was chosen with{others}."


def find_pictures(pictures: str) -> list[Entry]:
    """Find the pictures to choose a threshold with.

    Args:
        pictures: a listing (a CSV, or a folder with index.csv), NAME=FOLDER with a name from `psccnet datasets list`,
            or a folder of pristine pictures.

    Raises:
        InputError: if there are fewer than 20 pristine pictures, or there is no such set.
        MissingFileError: if there is no such file or folder.
    """
    path = Path(pictures)
    data_set = f"folders={pictures}" if path.is_dir() and not (path / "index.csv").is_file() else pictures
    entries = [entry for entries in find_validation_sets([data_set], None).values() for entry in entries]
    pristine = sum(not entry.forged for entry in entries)
    if pristine < FEWEST:
        raise InputError(f"{pictures} has {pristine} pristine pictures; a threshold needs at least {FEWEST}.")
    return entries


def calibrate(weights: Path, entries: Sequence[Entry]) -> Calibration:
    """Choose the threshold of weights from their scores; pictures that cannot be read are named and left out.

    Args:
        weights: a .safetensors file with its card.
        entries: the pictures.

    Raises:
        InputError: if fewer than 20 pristine pictures can be read, or too many of them have the highest score.
    """
    log.info("choosing the threshold with %d pictures", len(entries))
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
        raise InputError(f"{len(scores[False])} pristine pictures can be read; a threshold needs at least {FEWEST}.")
    threshold = threshold_for(scores[False])
    alarms, found = (sum(score >= threshold for score in scores[forged]) for forged in (False, True))
    return Calibration(threshold, alarms, len(scores[False]), found, len(scores[True]))


def threshold_for(pristine: Sequence[float], false_alarms: float = FALSE_ALARMS) -> float:
    """The lowest threshold that at most `false_alarms` of the pristine pictures reach, halfway to the next score.

    Args:
        pristine: scores, 0..1.
        false_alarms: largest share of pristine pictures called forged.

    Raises:
        InputError: if there is no such threshold, since too many pictures have the score 1.
    """
    descending = np.sort(np.asarray(pristine, np.float64))[::-1]
    allowed = math.floor(false_alarms * descending.size + 1e-9)
    highest_passed = float(descending[min(allowed, descending.size - 1)])  # must stay below the threshold
    if highest_passed >= 1:
        raise InputError("too many pristine pictures have the score 1: there is no threshold for these weights.")
    above = descending[descending > highest_passed]
    return (highest_passed + float(above.min() if above.size else 1.0)) / 2
