"""Results in memory, for a limited time and in limited memory."""

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psccnet.serve.jobs import Options, Outcome


@dataclass(frozen=True)
class StoredResult:
    """One result and its picture's file.

    Attributes:
        id: which nobody can guess, since whoever knows it may see the picture.
        outcome: the result.
        data: the picture's file.
        options: that it was made with.
        made: when, for the report.
        expires: when it is deleted, on the monotonic clock.
    """

    id: str
    outcome: "Outcome"
    data: bytes = field(repr=False)
    options: "Options"
    made: datetime
    expires: float

    @property
    def nbytes(self) -> int:
        """Approximate memory, bytes."""
        return len(self.data) + self.outcome.nbytes


class Store:
    """Results by id. Not thread-safe.

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

    def add(self, outcome: "Outcome", data: bytes, options: "Options") -> StoredResult:
        """Store a result, and delete the oldest beyond the limit; the newest is always kept."""
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
        """The result of an id; None if it does not exist or has expired."""
        self.sweep()
        return self._stored.get(name)

    def remove(self, name: str) -> bool:
        """Delete a result; False if there is none."""
        stored = self._stored.pop(name, None)
        if stored is not None:
            self.nbytes -= stored.nbytes
        return stored is not None

    def sweep(self) -> None:
        """Delete expired results; they are stored in the order in which they expire."""
        now = time.monotonic()
        while self._stored and next(iter(self._stored.values())).expires <= now:
            self.remove(next(iter(self._stored)))
