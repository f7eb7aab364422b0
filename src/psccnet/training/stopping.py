"""When a run has to stop: its time is up, or Ctrl-C or SIGTERM ask it to."""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

REPEATED = 2.0
"""Seconds within which a second Ctrl-C is the same one: torchrun passes on what its processes get from the terminal."""

log = logging.getLogger(__name__)


class Stopped(BaseException):
    """Leaves the trainer in the middle of something; no error, so that nothing but `train` handles it."""


class Interrupted(KeyboardInterrupt):
    """A run was asked to stop, and did; it can be resumed.

    Args:
        folder: of the run.
        last: its newest checkpoint.
    """

    def __init__(self, folder: Path, last: Path) -> None:
        rest = f"the same command with --out {folder} goes on from {last}"
        super().__init__(f"stopped; {rest if last.is_file() else 'nothing was trained yet'}")


class Limit:
    """How long a run may go on, and whether it was asked to stop.

    Args:
        max_seconds: counted from now; None for no limit.
    """

    def __init__(self, max_seconds: float | None = None) -> None:
        self.max_seconds = max_seconds
        self.started = time.monotonic()
        self.asked = False
        self._asked_at = 0.0

    def reached(self, share: float = 1.0) -> bool:
        """Whether it is time to stop, or this share of the time has passed."""
        late = self.max_seconds is not None and time.monotonic() - self.started > share * self.max_seconds
        return self.asked or late

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take Ctrl-C and SIGTERM as requests to stop, in the main thread; a second Ctrl-C stops at once."""
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
        """Take the signals over from whoever has them; Lightning takes SIGTERM at each start of its trainer."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._ask)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.asked:
            self.asked, self._asked_at = True, now
            log.warning("stopping after this step; Ctrl-C once more stops at once")
        elif number == signal.SIGINT and now - self._asked_at > REPEATED:
            raise Stopped
