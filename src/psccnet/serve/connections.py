"""A time limit for request headers, so that slow or silent clients do not occupy connections."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 20.0
"""Time from opening the connection, or from the previous response, to the last header line of the next request."""


class HeaderTimeLimit(H11Protocol):
    """uvicorn's h11 protocol with a time limit for request headers.

    uvicorn itself closes only connections that are idle after a response; `psccnet.serve.gate` limits the time of
    bodies.
    """

    header_seconds = HEADER_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waiting_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit."""
        super().connection_made(transport)
        self._waiting_since = self.loop.time()
        self._schedule(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Start the time limit of the next request."""
        self._waiting_since = self.loop.time()
        super().on_response_complete()

    def _schedule(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._check)

    def _check(self) -> None:
        """Close the connection if its time is over; otherwise check again later."""
        cycle: Any = self.cycle  # None before the first request
        answering = cycle is not None and not cycle.response_complete
        left = self.header_seconds if answering else self._waiting_since + self.header_seconds - self.loop.time()
        if left > 0:
            self._schedule(left)
        elif not self.transport.is_closing():
            self.transport.close()
