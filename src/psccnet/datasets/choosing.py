"""Some of many pictures, chosen by their names alone: the same wherever the sets lie, in every run."""

import hashlib
from collections.abc import Iterable, Sequence

from psccnet.datasets.entry import Entry


def by_manipulation(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The entries of each manipulation, these in the order of their names."""
    kinds: dict[str, list[Entry]] = {}
    for entry in entries:
        kinds.setdefault(entry.manipulation, []).append(entry)
    return [kinds[kind] for kind in sorted(kinds)]


def first_by_hash(entries: Iterable[Entry], count: int | None) -> list[Entry]:
    """So many entries (None: all), in the order of the hash of their names."""
    return sorted(entries, key=lambda one: hashlib.sha256(one.id.encode()).digest())[:count]


def stratified(entries: Sequence[Entry], limit: int | None) -> list[Entry]:
    """At most so many entries, of each set and manipulation in proportion, in their own order.

    Every set and manipulation keeps one picture at least, as long as the limit has room for them.

    Args:
        entries: to choose from.
        limit: 1 or more; None takes all.
    """
    if limit is None or limit >= len(entries):
        return list(entries)
    strata: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        strata.setdefault((entry.set, entry.manipulation), []).append(entry)
    shares = dict.fromkeys(strata, 0)
    for _ in range(limit):
        # The stratum that is furthest below its share is given the next place; those without any come first.
        with_room = [one for one, of in strata.items() if shares[one] < len(of)]
        neediest = max(with_room, key=lambda one: (shares[one] == 0, len(strata[one]) / (shares[one] + 0.5), one))
        shares[neediest] += 1
    kept = {id(entry) for key, of in strata.items() for entry in first_by_hash(of, shares[key])}
    return [entry for entry in entries if id(entry) in kept]
