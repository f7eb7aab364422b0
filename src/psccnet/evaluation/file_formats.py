"""What the files' encoding alone tells, and subsets in which it tells nothing (beside Table IV)."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from psccnet.evaluation.rows import Row

FOLDS = 5


def by_encoding(rows: list[Row], key: Callable[[Row], str]) -> list[Row]:
    """The rows with another detection score: the share of forged pictures among those of the same encoding.

    The share is taken of the other four fifths of the pictures, with the share of all of them counted as one more
    picture, so that no picture knows its own answer. Each fifth has its part of the forged and of the pristine
    pictures, by the hash of their names; shares have two digits, since fifths are not quite alike.

    Args:
        rows: of pictures, one each.
        key: the encoding, such as `Row.format`, or with JPEG's settings.
    """
    classes = _groups(rows, lambda _: "")
    fold_of = {row.id: place % FOLDS for members in classes.values() for place, row in enumerate(members)}
    scored: dict[str, float] = {}
    for fold in range(FOLDS):
        others = [row for row in rows if fold_of[row.id] != fold]
        every, forged = Counter(map(key, others)), Counter(key(row) for row in others if row.forged)
        usual = sum(forged.values()) / len(others) if others else 0.5
        for row in rows:
            if fold_of[row.id] == fold:
                scored[row.id] = round((forged[key(row)] + usual) / (every[key(row)] + 1), 2)
    return [replace(row, score=scored[row.id]) for row in rows]


def _groups(rows: list[Row], key: Callable[[Row], str]) -> dict[tuple[str, bool], list[Row]]:
    """The forged and the pristine pictures of each encoding, in the order of the hashes of their names."""
    groups: dict[tuple[str, bool], list[Row]] = {}
    for row in sorted(rows, key=lambda row: hashlib.sha256(row.id.encode()).digest()):
        groups.setdefault((key(row), row.forged), []).append(row)
    return groups


def matched(rows: list[Row], key: Callable[[Row], str]) -> list[Row]:
    """As many forged as pristine pictures of each encoding; of the more frequent class, those whose names hash lowest.

    Args:
        rows: of pictures, one each.
        key: the encoding.
    """
    groups = _groups(rows, key)
    kept: set[str] = set()
    for (encoding, forged), members in groups.items():
        other = groups.get((encoding, not forged), [])
        kept |= {row.id for row in members[: len(other)]}
    return [row for row in rows if row.id in kept]
