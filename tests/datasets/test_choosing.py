from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psccnet.datasets.choosing import stratified
from psccnet.datasets.entry import Entry

SIZES = {("a", "pristine"): 60, ("a", "splicing"): 30, ("b", "copy-move"): 9, ("b", "removal"): 1}


def entries() -> list[Entry]:
    return [
        Entry(f"{number}-{of}-{kind}", Path("x.png"), None, kind, of)
        for (of, kind), count in SIZES.items()
        for number in range(count)
    ]


def counted(some: list[Entry]) -> dict[tuple[str, str], int]:
    return dict(Counter((entry.set, entry.manipulation) for entry in some))


def test_in_proportion_and_none_left_out() -> None:
    assert counted(stratified(entries(), 20)) == {
        ("a", "pristine"): 11,
        ("a", "splicing"): 6,
        ("b", "copy-move"): 2,
        ("b", "removal"): 1,
    }
    assert set(counted(stratified(entries(), 4)).values()) == {1}


@given(st.integers(1, 120))
def test_never_more_than_asked_for_nor_than_there_are(limit: int) -> None:
    some = stratified(entries(), limit)
    assert len(some) == min(limit, 100)
    assert all(number <= SIZES[key] for key, number in counted(some).items())


def test_always_the_same_ones_in_their_order() -> None:
    some = stratified(entries(), 20)
    assert some == stratified(entries(), 20)
    again = stratified(list(reversed(entries())), 20)
    assert {entry.id for entry in again} == {entry.id for entry in some}
    assert some == sorted(some, key=entries().index)


@pytest.mark.parametrize("limit", [None, 100, 1000])
def test_all_where_there_is_room(limit: int | None) -> None:
    assert stratified(entries(), limit) == entries()
