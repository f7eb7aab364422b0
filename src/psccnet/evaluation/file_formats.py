"""What the files' encoding alone tells, and subsets in which it tells nothing (beside Table IV)."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from psccnet.evaluation.rows import Row


def by_encoding(rows: list[Row], key: Callable[[Row], str]) -> list[Row]:
    """The rows with another detection score: the share of forged pictures among those of the same encoding.

    It knows the answers of the very pictures that it scores, so it is the most that this cue can give.

    Args:
        rows: of pictures, one each.
        key: the encoding, such as `Row.format`, or with JPEG's settings.
    """
    every, forged = Counter(map(key, rows)), Counter(key(row) for row in rows if row.forged)
    return [replace(row, score=forged[key(row)] / every[key(row)]) for row in rows]


def matched(rows: list[Row], key: Callable[[Row], str]) -> list[Row]:
    """As many forged as pristine pictures of each encoding; of the more frequent class, those whose names hash lowest.

    Args:
        rows: of pictures, one each.
        key: the encoding.
    """
    groups: dict[tuple[str, bool], list[Row]] = {}
    for row in sorted(rows, key=lambda row: hashlib.sha256(row.id.encode()).digest()):
        groups.setdefault((key(row), row.forged), []).append(row)
    kept: set[str] = set()
    for (encoding, forged), members in groups.items():
        other = groups.get((encoding, not forged), [])
        kept |= {row.id for row in members[: len(other)]}
    return [row for row in rows if row.id in kept]
