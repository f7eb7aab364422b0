"""What is said on standard error: a progress line, for people only, and what was left out."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def tell_left_out(failures: list[str]) -> int:
    """Name on standard error what could not be used; the exit status that goes with it."""
    for failure in failures:
        print(f"psccnet: left out: {failure}", file=sys.stderr)
    return 1 if failures else 0


@contextmanager
def resumable() -> Iterator[None]:
    """Around what goes on where it was when the same command is given again: Ctrl-C says so."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted; the same command goes on from here") from None


def progress(items: Iterable[T], what: str, total: int | None = None, lines: bool = False) -> Iterator[T]:
    """Yield the items, showing how many are done and how long the rest will take.

    Shows nothing where standard error is no terminal. How many there are is said at once, the time left after two
    seconds.

    Args:
        items: to go through.
        what: the noun for them, in the plural.
        total: how many there are, where `items` has no length.
        lines: the caller prints a line an item, which on a terminal is progress enough.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    visible = sys.stderr.isatty() and not (lines and sys.stdout.isatty())
    started = shown = time.monotonic()
    if visible and total != 0:
        print(f"\r0/{total or '?'} {what}\033[K", end="", file=sys.stderr, flush=True)
    try:
        for done, item in enumerate(items):
            now = time.monotonic()
            if visible and done and now - shown > 0.2:
                rate = done / (now - started)
                left = f", {(total - done) / rate:.0f} s left" if total and now - started > 2 else ""
                print(f"\r{done}/{total or '?'} {what}, {rate:.1f} a second{left}\033[K", end="", file=sys.stderr)
                shown = now
            yield item
    finally:
        if visible:
            print("\r\033[K", end="", file=sys.stderr)
