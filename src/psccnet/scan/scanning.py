"""A scan: list sources, leave out pictures that are done, examine the others, write rows as they come."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from psccnet.errors import InputError
from psccnet.scan.item import Item
from psccnet.scan.keys import Claims
from psccnet.scan.listing import Listing
from psccnet.scan.looking import Options, look
from psccnet.scan.processes import look_in_processes
from psccnet.scan.results import Known, ScanFolder
from psccnet.scan.rows import Row
from psccnet.scan.sources import Sources

PART_ROWS = 1_000
PART_SECONDS = 15.0
"""A part is written when it has PART_ROWS rows or is PART_SECONDS old; rows of an unwritten part are lost by a kill."""
LOOKED_UP = 4_096
"""Largest number of pictures that are looked up in earlier results at a time."""


@dataclass(frozen=True)
class Shard:
    """One of several parts of a scan of about equal size, for machines that share a folder.

    Attributes:
        number: of this part, from 1.
        count: of all parts.
    """

    number: int = 1
    count: int = 1

    @staticmethod
    def parse(text: str) -> "Shard":
        """Parse text such as "3/16".

        Raises:
            InputError: if the text has another form.

        Examples:
            >>> Shard.parse("2/4")
            Shard(number=2, count=4)
        """
        number, slash, count = text.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise InputError(f"--shard: {text!r} is not of the form 3/16.")
        return Shard(int(number), int(count))

    def has(self, key: bytes) -> bool:
        """Whether the picture with this key belongs to the part."""
        return int.from_bytes(key[:8], "big") % self.count == self.number - 1

    def __str__(self) -> str:
        """The form that `parse` reads."""
        return f"{self.number}/{self.count}"


class Scan:
    """A run that examines the pictures of sources and writes rows into a folder.

    Args:
        sources: of the pictures.
        folder: of the results.
        options: how pictures are examined.
        shard: which part of the pictures.
        workers: number of processes, or of actors on a cluster; 0 uses this process, or lets the cluster decide.
        ray: address of a Ray cluster; "" uses this machine.
        dedupe: compute equal bytes only once.
        retry_failed: examine only pictures that failed before.

    Attributes:
        counts: rows of this run by state; "before": pictures that had a row already; "failed before": those of them
            that failed; "skipped": pictures left out because of `retry_failed`.
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
        self._listing: Listing | None = None

    @property
    def total(self) -> int | None:
        """The number of pictures in the sources and the shard; None until all are listed."""
        return None if self._listing is None else self._listing.total

    def run(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[Row]:
        """Examine the remaining pictures; yield each row when it is ready.

        Args:
            stopped: called before each picture; when it returns true, the pictures in progress are finished and
                written.

        Raises:
            InputError: if a source is not usable, the folder is of another scan, or another process uses it.
            MissingFileError: if a source does not exist.
            WeightsError: if the weights cannot be read.
            WriteError: if results cannot be written; written ones are kept, and the next run resumes there.
        """
        self.sources.check()
        detector = self.options.detector()
        self.folder.claim(self.options.key(detector) | {"dedupe": self.dedupe})
        with self.folder.locked(), self._listed() as listing:
            known = self.folder.known(again=self.retry_failed)
            items = self._left(listing.read(stopped), known, stopped)
            claimed = known.computed if self.dedupe else None
            if self.ray:
                from psccnet.scan.cluster import look_on_ray

                del detector
                for row in look_on_ray(items, self.options, self.folder, self.ray, self.workers, claimed):
                    self.counts[row["state"]] += 1
                    yield row
                self.folder.put_together()
                return
            if self.workers:
                del detector  # each process makes its own
                rows = look_in_processes(items, self.options, self.workers, claimed)
            else:
                rows = look(items, detector, self.options, None if claimed is None else Claims(claimed.packed()).claim)
            yield from self._written(rows)
            self.folder.put_together()

    @contextmanager
    def _listed(self) -> Iterator[Listing]:
        self._listing = Listing(self.sources.items(), self.folder.path, lambda item: self.shard.has(item.key))
        try:
            yield self._listing
        finally:
            self._listing.close()

    def _left(self, items: Iterator[Item], known: Known, stopped: Callable[[], bool]) -> Iterator[Item]:
        """The pictures to examine; each only once, even if the sources name it several times."""
        for batch in _growing(items, stopped):
            mine = [(item, key) for item in batch if self.shard.has(key := item.key)]
            keys = [key for _, key in mine]
            done, failed = known.done.has_each(keys), known.failed.has_each(keys)
            for (item, key), is_done, has_failed in zip(mine, done, failed, strict=True):
                if stopped():
                    return
                if self.retry_failed and not has_failed:
                    self.counts["skipped"] += 1
                    continue
                if not is_done and known.done.add(key):
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
    """Items in batches that grow from one item to `LOOKED_UP`, so that work begins at once."""
    size = 1
    while not stopped() and (batch := list(islice(items, size))):
        yield batch
        size = min(2 * size, LOOKED_UP)
