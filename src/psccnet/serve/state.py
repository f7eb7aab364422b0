"""The state of a running server: its two processes, its results, and the number of waiting requests."""

import asyncio
import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException

from psccnet.errors import PsccnetError
from psccnet.serve.counts import Counts
from psccnet.serve.processes import detection_jobs, drawing_jobs
from psccnet.serve.settings import Settings
from psccnet.serve.store import Store, StoredResult
from psccnet.serve.workers import DiedError, FaultError, TookTooLongError, Worker
from psccnet.weights.card import Card

_log = logging.getLogger(__name__)

RETRY_AFTER = "2"
"""Seconds after which a refused request may be repeated."""


class State:
    """The state of a running server.

    Args:
        settings: of it.
        card: of its weights.

    Attributes:
        waiting: requests that wait for a picture to be looked at, or arrive.
    """

    def __init__(self, settings: Settings, card: Card) -> None:
        self.settings = settings
        self.card = card
        self.counts = Counts()
        self.store = Store(settings.keep_seconds, settings.keep_bytes)
        self.detection_worker = Worker(partial(detection_jobs, settings), "psccnet-look")
        self.drawing_worker = Worker(partial(drawing_jobs, settings, card), "psccnet-draw")
        self.waiting = 0

    def close(self) -> None:
        """End the processes."""
        self.detection_worker.close()
        self.drawing_worker.close()

    @property
    def status(self) -> str:
        """Whether pictures can be analysed: ok, starting, or failed."""
        if self.detection_worker.failed or self.drawing_worker.failed:
            return "failed"
        return "ok" if self.detection_worker.ready.is_set() and self.drawing_worker.ready.is_set() else "starting"

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Take a place in the queue, before the request's body is read.

        Raises:
            HTTPException: 429, where there is none, 503 where nothing can be looked at any more.
        """
        if self.status == "failed":
            raise HTTPException(503, "this server cannot look at pictures; see its log.")
        if self.waiting >= self.settings.queue:
            raise HTTPException(
                429, "too many pictures are waiting; try again in a moment.", {"Retry-After": RETRY_AFTER}
            )
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    async def detect(self, data: bytes, name: str, options: Any) -> StoredResult:
        """Detect in a picture, and store the result.

        Raises:
            HTTPException: with the status and the sentence for what went wrong.
        """
        started = time.perf_counter()
        seconds = self.settings.seconds
        outcome = await _answer(self.detection_worker.submit("detect", data, name, options, seconds=seconds))
        self.counts.detection(outcome.result.verdict, time.perf_counter() - started)
        return self.store.add(outcome, data, options)

    async def draw(self, name: str, *arguments: Any) -> Any:
        """Run a job of the drawing process.

        Raises:
            HTTPException: with the status and the sentence for what went wrong.
        """
        return await _answer(self.drawing_worker.submit(name, *arguments, seconds=self.settings.seconds), refused=404)

    def gauges(self) -> dict[str, tuple[str, float]]:
        """The current values for the metrics."""
        restarts = self.detection_worker.restarts + self.drawing_worker.restarts
        return {
            "psccnet_waiting": ("Requests that wait or arrive.", self.waiting),
            "psccnet_results": ("Results that can be asked for.", len(self.store)),
            "psccnet_results_bytes": ("Memory that they take, about.", self.store.nbytes),
            "psccnet_restarts": ("Processes that were started anew.", restarts),
            "psccnet_ready": ("Whether pictures can be looked at.", float(self.status == "ok")),
        }


async def _answer(future: "Future[Any]", refused: int = 422) -> Any:
    """Wait for a job; a job whose client disconnects before it starts is dropped."""
    try:
        return await asyncio.wrap_future(future)
    except TookTooLongError as error:
        raise HTTPException(504, str(error)) from None
    except DiedError as error:
        raise HTTPException(503, str(error), {"Retry-After": RETRY_AFTER}) from None
    except FaultError as error:
        _log.error("a fault of psccnet's, please report it:\n%s", error)
        raise HTTPException(500, "a fault of psccnet's; its log has more.") from None
    except PsccnetError as error:
        raise HTTPException(refused, str(error)) from None
