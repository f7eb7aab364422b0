"""HTTP connections that are closed when no whole request begins on them: slow or silent clients keep no place."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 20.0
"""That the head of a request may take from the connection, or from the answer before it, to its last line."""


class BoundedHeads(H11Protocol):
    """uvicorn's protocol by h11, with a bound on the time that the head of a request takes.

    uvicorn itself closes idle connections after an answer only; the time of bodies is bounded by the gate.
    """

    header_seconds = HEADER_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._free_since = 0.0
        self._watching: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self._free_since = self.loop.time()
        self._watch(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """A client is gone."""
        if self._watching is not None:
            self._watching.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The next request may begin."""
        self._free_since = self.loop.time()
        super().on_response_complete()

    def _watch(self, seconds: float) -> None:
        self._watching = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Close the connection if it has waited too long for a request, or look again later."""
        cycle: Any = self.cycle  # None before the first request
        answering = cycle is not None and not cycle.response_complete
        left = self.header_seconds if answering else self._free_since + self.header_seconds - self.loop.time()
        if left > 0:
            self._watch(left)
        elif not self.transport.is_closing():
            self.transport.close()
