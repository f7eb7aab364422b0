"""Choose some of many pictures by their names alone: the same choice on every machine and in every run."""

import hashlib
from collections.abc import Iterable, Sequence

from psccnet.datasets.entry import Entry


def by_manipulation(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The entries of each manipulation; manipulations are sorted by name.

    Examples:
        >>> from pathlib import Path
        >>> kinds = ("splicing", "pristine", "splicing")
        >>> entries = [Entry(f"{n}.png", Path(f"{n}.png"), None, kind) for n, kind in enumerate(kinds)]
        >>> [[entry.id for entry in kind] for kind in by_manipulation(entries)]
        [['1.png'], ['0.png', '2.png']]
    """
    kinds: dict[str, list[Entry]] = {}
    for entry in entries:
        kinds.setdefault(entry.manipulation, []).append(entry)
    return [kinds[kind] for kind in sorted(kinds)]


def first_by_hash(entries: Iterable[Entry], count: int | None) -> list[Entry]:
    """The first `count` entries (None: all) when sorted by the hash of their ids.

    Examples:
        >>> from pathlib import Path
        >>> entries = [Entry(f"{n}.png", Path(f"{n}.png"), None, "pristine") for n in range(100)]
        >>> first_by_hash(entries, 3) == first_by_hash(entries[::-1], 3)
        True
    """
    return sorted(entries, key=lambda entry: hashlib.sha256(entry.id.encode()).digest())[:count]


def stratified(entries: Sequence[Entry], limit: int | None) -> list[Entry]:
    """Choose at most `limit` entries, in proportion to each set and manipulation; the order is kept.

    Every set and manipulation keeps at least one picture, as far as the limit allows.

    Args:
        entries: to choose from.
        limit: 1 or more; None takes all.

    Examples:
        >>> from pathlib import Path
        >>> kinds = ["splicing"] * 8 + ["pristine"] * 2
        >>> entries = [Entry(f"{n}.png", Path(f"{n}.png"), None, kind) for n, kind in enumerate(kinds)]
        >>> [entry.manipulation for entry in stratified(entries, 5)]
        ['splicing', 'splicing', 'splicing', 'splicing', 'pristine']
    """
    if limit is None or limit >= len(entries):
        return list(entries)
    strata: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        strata.setdefault((entry.set, entry.manipulation), []).append(entry)
    shares = dict.fromkeys(strata, 0)
    for _ in range(limit):
        # The next place goes to the stratum that is furthest below its share; strata without any picture come first.
        with_room = [key for key, members in strata.items() if shares[key] < len(members)]
        neediest = max(with_room, key=lambda key: (shares[key] == 0, len(strata[key]) / (shares[key] + 0.5), key))
        shares[neediest] += 1
    kept = {id(entry) for key, members in strata.items() for entry in first_by_hash(members, shares[key])}
    return [entry for entry in entries if id(entry) in kept]
