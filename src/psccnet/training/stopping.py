"""Decide when a run has to stop: at its time limit, or on Ctrl-C or SIGTERM."""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

REPEATED = 2.0
"""A second Ctrl-C within this many seconds is ignored: torchrun forwards a signal that its processes already got."""

log = logging.getLogger(__name__)


class Stopped(BaseException):
    """Leaves the trainer at any point. A BaseException, so that only `train` catches it."""


class Interrupted(KeyboardInterrupt):
    """A run was stopped by a signal; it can be resumed.

    Args:
        folder: of the run.
        last: its newest checkpoint.
    """

    def __init__(self, folder: Path, last: Path) -> None:
        resuming = f"run the same command with --out {folder} to resume from {last}"
        super().__init__(f"stopped; {resuming if last.is_file() else 'nothing was trained yet'}")


class Limit:
    """The time limit of a run, and whether a signal asked it to stop.

    Args:
        max_seconds: from now; None for no limit.
    """

    def __init__(self, max_seconds: float | None = None) -> None:
        self.max_seconds = max_seconds
        self.started = time.monotonic()
        self.asked = False
        self._asked_at = 0.0

    def reached(self, share: float = 1.0) -> bool:
        """Whether a signal came, or this share of the time limit has passed."""
        late = self.max_seconds is not None and time.monotonic() - self.started > share * self.max_seconds
        return self.asked or late

    @contextmanager
    def listening(self) -> Iterator[None]:
        """In the main thread, treat Ctrl-C and SIGTERM as requests to stop; a second Ctrl-C stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        self.listen()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def listen(self) -> None:
        """Set the signal handlers; Lightning replaces that of SIGTERM each time its trainer starts."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._ask)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.asked:
            self.asked, self._asked_at = True, now
            log.warning("stopping after this step; press Ctrl-C again to stop at once")
        elif number == signal.SIGINT and now - self._asked_at > REPEATED:
            raise Stopped
