"""Sources are listed once, ahead of the scan, into a temporary file."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from psccnet.errors import InputError
from psccnet.scan.item import Item, Place
from psccnet.scan.listing import BATCH, CONTENTS, Listing


def items(count: int) -> Iterator[Item]:
    return (Item(f"{number}\udcff.png", number, "7", "x", Place(number, 1)) for number in range(count))


def test_items_come_back_in_order_with_their_total(tmp_path: Path) -> None:
    listing = Listing(items(3 * BATCH), tmp_path, lambda item: item.size % 2 == 0)
    assert list(listing.read(lambda: False)) == list(items(3 * BATCH))
    assert listing.total == 3 * BATCH // 2
    listing.close()
    assert not list(tmp_path.iterdir())


def test_items_with_content_are_listed_a_few_ahead(tmp_path: Path) -> None:
    listed = []

    def with_content() -> Iterator[Item]:
        yield Item("first", 1, "", "first")
        for number in range(3 * CONTENTS):
            listed.append(number)
            yield Item(str(number), 1, "", "t", content=b"x")

    listing = Listing(with_content(), tmp_path, lambda _: True)
    deadline = time.monotonic() + 10
    while len(listed) <= CONTENTS and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(listed) == CONTENTS + 1
    assert [item.source for item in listing.read(lambda: False)] == ["first", *map(str, range(3 * CONTENTS))]
    listing.close()


def test_an_error_of_listing_is_raised_after_what_was_listed(tmp_path: Path) -> None:
    def failing() -> Iterator[Item]:
        yield from items(2)
        raise InputError("no such bucket")

    listing = Listing(failing(), tmp_path, lambda _: True)
    found = listing.read(lambda: False)
    assert [next(found).size, next(found).size] == [0, 1]
    with pytest.raises(InputError, match="no such bucket"):
        next(found)
    assert listing.total is None
    listing.close()


def test_it_stops_while_a_source_is_slow(tmp_path: Path) -> None:
    stopped = []

    def slow() -> Iterator[Item]:
        yield from items(1)
        while not stopped:
            time.sleep(0.01)

    listing = Listing(slow(), tmp_path, lambda _: True)
    found = listing.read(lambda: bool(stopped))
    assert next(found).size == 0
    stopped.append(True)
    assert list(found) == []
    listing.close()
