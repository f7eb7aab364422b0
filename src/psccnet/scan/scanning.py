"""A scan: sources listed, what is done left out, the rest looked at, rows written as they come."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from psccnet.errors import InputError
from psccnet.scan.item import Item
from psccnet.scan.keys import Claims, Keys
from psccnet.scan.looking import Options, look
from psccnet.scan.processes import look_in_processes
from psccnet.scan.results import ScanFolder
from psccnet.scan.rows import Row
from psccnet.scan.sources import Sources

PART_ROWS = 1_000
PART_SECONDS = 15.0
"""A part is written when it has so many rows or is so old: what is not in one yet is done again after a power cut."""
LISTED = 4_096
"""Pictures that are listed ahead at most; whether they are done is looked up for all of them together."""


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of a scan, for machines that share a folder: picture by picture, by its key."""

    number: int = 1
    of: int = 1

    @staticmethod
    def parse(words: str) -> "Shard":
        """Such as "3/16".

        Raises:
            InputError: if it is not of this form.
        """
        number, slash, of = words.partition("/")
        if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise InputError(f"--shard: {words!r} is not of the form 3/16.")
        return Shard(int(number), int(of))

    def has(self, key: bytes) -> bool:
        """Whether a picture belongs to it."""
        return int.from_bytes(key[:8], "big") % self.of == self.number - 1

    def __str__(self) -> str:
        """As it is parsed."""
        return f"{self.number}/{self.of}"


class Scan:
    """A run over sources into a folder.

    Args:
        sources: what to look at.
        folder: of the results.
        options: how to look.
        shard: which part of the pictures.
        workers: processes, or actors of the cluster; 0 looks in this process, or leaves it to the cluster.
        ray: address of a Ray cluster to look on; "" looks on this machine.
        dedupe: equal bytes are computed once.
        retry_failed: look at those again that failed before, and at no others.

    Attributes:
        counts: rows of this run by state, "before" for pictures that had a row already, and "failed before" for those
            of them that failed.
    """

    def __init__(
        self,
        sources: Sources,
        folder: Path,
        options: Options,
        *,
        shard: Shard | None = None,
        workers: int = 0,
        ray: str = "",
        dedupe: bool = False,
        retry_failed: bool = False,
    ) -> None:
        self.sources = sources
        self.shard = shard or Shard()
        self.folder = ScanFolder(folder, str(self.shard).replace("/", "-of-"))
        self.options = options
        self.workers = workers
        self.ray = ray
        self.dedupe = dedupe
        self.retry_failed = retry_failed
        self.counts: Counter[str] = Counter()

    def run(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[Row]:
        """Look at what is left; each row as it is there.

        Args:
            stopped: asked before each picture; once true, the pictures in hand are finished and written.

        Raises:
            InputError: if a source makes no sense, or the folder is of another scan or another process's.
            MissingFileError: if a source is not there.
            WeightsError: if the weights cannot be read.
            WriteError: if results cannot be written; what was written stays, and the next run goes on from there.
        """
        self.sources.check()
        detector = self.options.detector()
        self.folder.claim(self.options.key(detector) | {"dedupe": self.dedupe})
        with self.folder.locked():
            done, computed = self.folder.done(again=self.retry_failed)
            items = self._left(done, stopped)
            claimed = computed if self.dedupe else None
            if self.ray:
                from psccnet.scan.cluster import look_on_ray

                del detector
                for row in look_on_ray(items, self.options, self.folder, self.ray, self.workers, claimed):
                    self.counts[row["state"]] += 1
                    yield row
                self.folder.put_together()
                return
            if self.workers:
                del detector  # each process has its own
                rows = look_in_processes(items, self.options, self.workers, claimed)
            else:
                rows = look(items, detector, self.options, None if claimed is None else Claims(claimed.packed()).claim)
            yield from self._written(rows)
            self.folder.put_together()

    def _left(self, done: Keys, stopped: Callable[[], bool]) -> Iterator[Item]:
        """What is to be looked at; each picture once, however often the sources name it."""
        failed_before = self.folder.failed()
        for batch in _growing(self.sources.items(), stopped):
            mine = [(item, key) for item in batch if self.shard.has(key := item.key)]
            keys = [key for _, key in mine]
            known, failed = done.has_each(keys), failed_before.has_each(keys)
            for (item, key), is_known, has_failed in zip(mine, known, failed, strict=True):
                if stopped():
                    return
                if self.retry_failed and not has_failed:
                    continue
                if not is_known and done.add(key):
                    yield item
                else:
                    self.counts["before"] += 1
                    self.counts["failed before"] += has_failed

    def _written(self, rows: Iterator[tuple[Item, Row]]) -> Iterator[Row]:
        fresh: list[Row] = []
        begun = time.monotonic()
        try:
            for _, row in rows:
                fresh.append(row)
                if len(fresh) >= PART_ROWS or time.monotonic() - begun > PART_SECONDS:
                    waiting, fresh = fresh, []
                    self.folder.add(waiting)
                    begun = time.monotonic()
                self.counts[row["state"]] += 1
                yield row
        finally:
            if fresh:
                self.folder.add(fresh)


def _growing(items: Iterator[Item], stopped: Callable[[], bool]) -> Iterator[list[Item]]:
    """Items in batches, the first of one item, so that work begins at once."""
    size = 1
    while not stopped() and (batch := list(islice(items, size))):
        yield batch
        size = min(2 * size, LISTED)
