"""Process many pictures on one machine: decode, compute and write at the same time, in order, in bounded memory."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
Worked = TypeVar("Worked")
Finished = TypeVar("Finished")
Admit = Callable[[int], None]

PIXELS_AT_ONCE = 32_000_000
"""Most pixels of decoded pictures in memory at a time; a larger picture is processed alone."""


class _Closed(Exception):
    """The pipeline was closed: nobody waits for the remaining items."""


class _Admission:
    """Admits pictures in order, while there is room for their pixels."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._inside = 0
        self._turn = 0
        self._gone: set[int] = set()
        self._closed = False
        self._changed = threading.Condition()

    def enter(self, turn: int, pixels: int) -> None:
        """Wait for the turn and for room. A later picture must not take the room of an earlier one, hence the turns."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._closed or (turn == self._turn and (not self._inside or self._inside + pixels <= self._room))
                )
            )
            if self._closed:
                raise _Closed
            self._inside += pixels
        self.pass_by(turn)

    def pass_by(self, turn: int) -> None:
        """End a turn."""
        with self._changed:
            self._gone.add(turn)
            while self._turn in self._gone:
                self._gone.remove(self._turn)
                self._turn += 1
            self._changed.notify_all()

    def leave(self, pixels: int) -> None:
        """Free the room of a finished picture."""
        with self._changed:
            self._inside -= pixels
            self._changed.notify_all()

    def close(self) -> None:
        """Stop: every thread that waits in `enter` raises `_Closed`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def in_order(
    items: Iterable[Item],
    prepare: Callable[[Item, Admit], Prepared],
    work: Callable[[Prepared], Worked],
    finish: Callable[[Worked], Finished],
    expected: tuple[type[Exception], ...] = (),
    pixels_at_once: int = PIXELS_AT_ONCE,
) -> Iterator[tuple[Item, Finished | Exception]]:
    """Take items through three steps; at any time, several items are in different steps.

    Args:
        items: read a few ahead.
        prepare: decodes an item, in several threads; it must call its second argument with the number of pixels before
            it allocates them.
        work: computes, in the caller's thread, one item at a time.
        finish: writes, in another thread, one item at a time.
        expected: exceptions that concern a single item; any other exception ends the pipeline.
        pixels_at_once: most pixels between `prepare` and `finish`; a larger picture is processed alone.

    Yields:
        Each item, in order, with the result of `finish` or the expected exception that a step raised.
    """
    threads = min(4, os.cpu_count() or 1)
    admission = _Admission(pixels_at_once)
    source = enumerate(items)
    decoding: deque[tuple[Item, Future[tuple[Prepared, int]]]] = deque()
    writing: deque[tuple[Item, Future[Finished | Exception], int]] = deque()

    def prepared(turn: int, item: Item) -> tuple[Prepared, int]:
        held = 0

        def admit(pixels: int) -> None:
            nonlocal held
            if not held:
                admission.enter(turn, pixels)
                held = pixels

        try:
            return prepare(item, admit), held
        except BaseException:
            admission.leave(held)
            raise
        finally:
            if not held:
                admission.pass_by(turn)

    def finished(worked: Worked | Exception) -> Finished | Exception:
        try:
            return worked if isinstance(worked, Exception) else finish(worked)
        except expected as error:
            return error

    def drawn() -> bool:
        for turn, item in source:
            decoding.append((item, decoders.submit(prepared, turn, item)))
            return True
        return False

    def first_written() -> tuple[Item, Finished | Exception]:
        item, future, held = writing.popleft()
        result = future.result()
        admission.leave(held)
        return item, result

    with ThreadPoolExecutor(threads, "decode") as decoders, ThreadPoolExecutor(1, "write") as writer:
        try:
            while len(decoding) <= threads and drawn():
                pass
            while decoding:
                # The next item may be waiting for the room that these still hold.
                while writing and (len(writing) > 2 or writing[0][1].done() or not decoding[0][1].done()):
                    yield first_written()
                item, future = decoding.popleft()
                drawn()
                worked: Worked | Exception
                held = 0
                try:
                    value, held = future.result()
                    worked = work(value)
                    del value
                except expected as error:
                    worked = error
                del future
                writing.append((item, writer.submit(finished, worked), held))
                del worked
            while writing:
                yield first_written()
        finally:
            admission.close()
            decoders.shutdown(wait=False, cancel_futures=True)
