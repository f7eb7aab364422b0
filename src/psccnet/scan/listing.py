"""List sources once, ahead of the scan: the total is known early, and memory stays flat."""

import os
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from typing import NamedTuple

from psccnet.pictures.whole_files import writing
from psccnet.scan.item import Item

BATCH = 256
"""Items per record of the temporary file; the first records are smaller, so that work begins at once."""
CONTENTS = 64
"""Items with content, which are kept in memory, are listed at most this far ahead."""
_WAIT = 0.2


class _Record(NamedTuple):
    """A record of the temporary file: its offset and size in bytes."""

    offset: int
    size: int


class Listing:
    """Items listed by a thread into a temporary file, from which the scan reads them.

    Args:
        items: listed in the thread.
        folder: for the temporary file, which has no name and disappears with the process.
        counts: whether an item counts for `total`.

    Attributes:
        total: number of items that count; None until all are listed.
    """

    def __init__(self, items: Iterator[Item], folder: Path, counts: Callable[[Item], bool]) -> None:
        self.total: int | None = None
        self._items = items
        self._counts = counts
        with writing(folder):
            self._file = TemporaryFile(dir=folder)  # noqa: SIM115 (closed by `close`)
        self._queue: SimpleQueue[_Record | Item | BaseException | None] = SimpleQueue()
        self._contents = threading.Semaphore(CONTENTS)
        self._closed = False
        self._thread = threading.Thread(target=self._list, name="listing", daemon=True)
        self._thread.start()

    def read(self, stopped: Callable[[], bool]) -> Iterator[Item]:
        """The items in order; ends when `stopped` is true.

        Raises:
            Exception: what listing or writing the temporary file raised, after the items listed before.
        """
        while not stopped():
            try:
                entry = self._queue.get(timeout=_WAIT)
            except Empty:
                continue
            if entry is None:
                return
            if isinstance(entry, BaseException):
                raise entry
            if isinstance(entry, Item):
                self._contents.release()
                yield entry
            else:
                yield from pickle.loads(os.pread(self._file.fileno(), entry.size, entry.offset))

    def close(self) -> None:
        """Stop listing."""
        self._closed = True
        self._contents.release()  # the thread may wait for it
        self._thread.join(timeout=5)
        if not self._thread.is_alive():  # it may wait for a server; then the end of the process closes the file
            self._file.close()

    def _list(self) -> None:
        total, size, offset = 0, 1, 0
        batch: list[Item] = []

        def flush() -> None:
            nonlocal offset, size, batch
            if batch:
                data = pickle.dumps(batch, pickle.HIGHEST_PROTOCOL)
                with writing(Path("the list of pictures in the results folder")):
                    self._file.write(data)
                    self._file.flush()
                self._queue.put(_Record(offset, len(data)))
                offset, size, batch = offset + len(data), min(2 * size, BATCH), []

        try:
            try:
                for item in self._items:
                    if self._closed:
                        return
                    total += self._counts(item)
                    if item.content is not None:
                        flush()
                        self._contents.acquire()
                        self._queue.put(item)
                    else:
                        batch.append(item)
                        if len(batch) >= size:
                            flush()
            finally:
                flush()
            self.total = total
            self._queue.put(None)
        except BaseException as error:  # raised again by `read`, in the thread of the scan
            self._queue.put(error)
