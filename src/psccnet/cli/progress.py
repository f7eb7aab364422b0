"""Messages on standard error: a progress line on terminals, and what was left out."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def report_left_out(failures: list[str]) -> int:
    """Print on standard error what could not be used; return the exit status, 1 if there is anything."""
    for failure in failures:
        print(f"psccnet: left out: {failure}", file=sys.stderr)
    return 1 if failures else 0


@contextmanager
def resumable() -> Iterator[None]:
    """Context for work that resumes when the same command is run again; the message on Ctrl-C says so."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted; run the same command again to resume") from None


def progress(items: Iterable[T], what: str, total: int | None = None, lines: bool = False) -> Iterator[T]:
    """Yield the items, and show how many are done and how long the rest will take.

    Shows nothing if standard error is not a terminal. The number of items is shown at once, the remaining time after
    two seconds.

    Args:
        items: to iterate over.
        what: the noun for them, in the plural.
        total: their number, if `items` has no length.
        lines: the caller prints a line for each item, so that no other progress is needed on a terminal.
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
