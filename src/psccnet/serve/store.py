"""Results in memory, for a stated time and in bounded memory."""

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from psccnet.serve.jobs import Options, Outcome


@dataclass(frozen=True)
class StoredResult:
    """One result, and the file that it is of.

    Attributes:
        id: which nobody can guess, since whoever knows it may see the picture.
        outcome: the result.
        data: the picture's file.
        options: that it was made with.
        made: when, for the report.
        expires: when it is deleted, on the monotonic clock.
    """

    id: str
    outcome: Outcome
    data: bytes = field(repr=False)
    options: Options
    made: datetime
    expires: float

    @property
    def nbytes(self) -> int:
        """Memory that it takes, about."""
        return len(self.data) + self.outcome.nbytes


class Store:
    """Results by their ids. Not for several threads.

    Args:
        seconds: how long one is kept.
        max_bytes: of all together; the oldest go first.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._stored: OrderedDict[str, StoredResult] = OrderedDict()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._stored)

    def add(self, outcome: Outcome, data: bytes, options: Options) -> StoredResult:
        """Keep a result; one that takes more room than there is, is kept alone."""
        self.sweep()
        stored = StoredResult(
            id=secrets.token_urlsafe(16),
            outcome=outcome,
            data=data,
            options=options,
            made=datetime.now(UTC),
            expires=time.monotonic() + self._seconds,
        )
        self._stored[stored.id] = stored
        self.nbytes += stored.nbytes
        while self.nbytes > self._max_bytes and len(self._stored) > 1:
            self.remove(next(iter(self._stored)))
        return stored

    def get(self, name: str) -> StoredResult | None:
        """The result of an id, None if there is none any more."""
        self.sweep()
        return self._stored.get(name)

    def remove(self, name: str) -> bool:
        """Delete a result; False if there is none."""
        stored = self._stored.pop(name, None)
        if stored is not None:
            self.nbytes -= stored.nbytes
        return stored is not None

    def sweep(self) -> None:
        """Delete what has had its time; they are in the order of their ends."""
        now = time.monotonic()
        while self._stored and next(iter(self._stored.values())).expires <= now:
            self.remove(next(iter(self._stored)))
