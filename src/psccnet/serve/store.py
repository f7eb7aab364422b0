"""Results in memory, for a stated time and in bounded memory."""

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from psccnet.serve.jobs import Looked, Options


@dataclass(frozen=True)
class Kept:
    """One result, and the file that it is of.

    Attributes:
        id: which nobody can guess, since whoever knows it may see the picture.
        looked: the result.
        data: the picture's file.
        options: that it was made with.
        made: when, for the report.
        expires: when it is deleted, on the monotonic clock.
    """

    id: str
    looked: Looked
    data: bytes = field(repr=False)
    options: Options
    made: datetime
    expires: float

    @property
    def nbytes(self) -> int:
        """Memory that it takes, about."""
        return len(self.data) + self.looked.nbytes


class Store:
    """Results by their ids. Not for several threads.

    Args:
        seconds: how long one is kept.
        max_bytes: of all together; the oldest go first.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, looked: Looked, data: bytes, options: Options) -> Kept:
        """Keep a result; one that takes more room than there is, is kept alone."""
        self.sweep()
        kept = Kept(
            id=secrets.token_urlsafe(16),
            looked=looked,
            data=data,
            options=options,
            made=datetime.now(UTC),
            expires=time.monotonic() + self._seconds,
        )
        self._kept[kept.id] = kept
        self.nbytes += kept.nbytes
        while self.nbytes > self._max_bytes and len(self._kept) > 1:
            self.remove(next(iter(self._kept)))
        return kept

    def get(self, name: str) -> Kept | None:
        """The result of an id, None if there is none any more."""
        self.sweep()
        return self._kept.get(name)

    def remove(self, name: str) -> bool:
        """Delete a result; False if there is none."""
        kept = self._kept.pop(name, None)
        if kept is not None:
            self.nbytes -= kept.nbytes
        return kept is not None

    def sweep(self) -> None:
        """Delete what has had its time; they are in the order of their ends."""
        now = time.monotonic()
        while self._kept and next(iter(self._kept.values())).expires <= now:
            self.remove(next(iter(self._kept)))
