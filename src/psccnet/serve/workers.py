"""Jobs in a process of their own, which is killed and restarted when a job takes too long."""

import contextlib
import logging
import multiprocessing
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from psccnet.errors import PsccnetError

_log = logging.getLogger(__name__)
_SPAWN = multiprocessing.get_context("spawn")
"""Spawn instead of fork, since the parent has threads."""
RETRY_SECONDS = 1.0
"""Pause after a process that failed to start."""
IDLE_SECONDS = 1.0
"""How often a process without a job is looked after."""


class TookTooLongError(TimeoutError):
    """A job was killed because it took too long."""


class DiedError(RuntimeError):
    """The process of a job died, for example for lack of memory."""


class FaultError(RuntimeError):
    """A job failed by a bug; the message is its traceback."""


class _Job(NamedTuple):
    future: "Future[Any]"
    name: str
    arguments: tuple[Any, ...]
    seconds: float


def _work(connection: Connection, make: Callable[[], Any]) -> None:
    """Main loop of the process: make the object, then call the methods that jobs name."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this process
    try:
        target = make()
    except PsccnetError as error:
        connection.send(error)
        return
    connection.send(None)
    with contextlib.suppress(EOFError, OSError):
        while True:
            name, arguments = connection.recv()
            answer: tuple[str, Any]
            try:
                answer = "done", getattr(target, name)(*arguments)
            except PsccnetError as error:
                answer = "refused", error
            except MemoryError:
                answer = "refused", DiedError("there is not enough memory for this picture; send a smaller one.")
            except Exception:
                answer = "fault", traceback.format_exc()
            connection.send(answer)


class Worker:
    """One process and its queue of jobs, run one after the other.

    Args:
        make: called in the process, makes the object whose methods are the jobs; can be pickled.
        name: of the thread and the process.

    Attributes:
        ready: set while there is a process that waits for jobs or does one.
        failed: why there can be none, such as weights that cannot be read.
        restarts: processes that were ended or ended by themselves.
    """

    def __init__(self, make: Callable[[], Any], name: str) -> None:
        self._make = make
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._postponed: _Job | None = None
        self._closing = threading.Event()
        self.ready = threading.Event()
        self.failed: PsccnetError | None = None
        self.restarts = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, name: str, *arguments: Any, seconds: float) -> "Future[Any]":
        """Queue a call of one of the object's methods.

        Args:
            name: of the method.
            arguments: of it; they can be pickled, and so can its result.
            seconds: that it may take once it begins.

        Returns:
            The result to come: a `TookTooLongError`, `DiedError` or `FaultError` where it does not, or the
            `PsccnetError` that the method raises. One that is cancelled before its turn is left out.
        """
        job = _Job(Future(), name, arguments, seconds)
        self._jobs.put(job)
        return job.future

    def wait(self, seconds: float) -> bool:
        """Wait for the process to start; return whether it has.

        Raises:
            PsccnetError: why it cannot.
        """
        ends = time.monotonic() + seconds
        while not self.ready.wait(0.05) and time.monotonic() < ends:
            if self.failed is not None:
                raise self.failed
        return self.ready.is_set()

    def close(self) -> None:
        """End the process and cancel the waiting jobs."""
        self._closing.set()
        self._jobs.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._closing.is_set() and self.failed is None:
            ours, theirs = _SPAWN.Pipe()
            process = _SPAWN.Process(target=_work, args=(theirs, self._make), name=self._name, daemon=True)
            process.start()
            theirs.close()
            try:
                self._serve(ours)
            except (EOFError, OSError):
                _log.warning("the process %s ended by itself and is started anew", self._name)
                time.sleep(0 if self.ready.is_set() else RETRY_SECONDS)
            finally:
                self.ready.clear()
                process.kill()
                process.join()
                ours.close()
            self.restarts += 1
        self._closing.wait()
        waiting = [self._postponed]
        while not self._jobs.empty():
            waiting.append(self._jobs.get())
        for job in waiting:
            if job is not None:
                job.future.cancel()

    def _serve(self, connection: Connection) -> None:
        """Run jobs until one takes too long or the server closes; EOFError or OSError if the process dies."""
        while not connection.poll(0.2):
            if self._closing.is_set():
                return
        self.failed = connection.recv()
        if self.failed is not None:
            return
        self.ready.set()
        while True:
            job = self._next(connection)
            if job is None:
                return
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                connection.send((job.name, job.arguments))
                in_time = self._await(connection, job.seconds)
                answer = connection.recv() if in_time else None
            except (EOFError, OSError):
                job.future.set_exception(
                    DiedError("the process that looked at this picture ended; send a smaller one.")
                )
                raise
            if answer is None:
                if self._closing.is_set():
                    job.future.set_exception(DiedError("the server was closed."))
                else:
                    job.future.set_exception(
                        TookTooLongError(f"this took longer than {job.seconds:g} s; send a smaller picture.")
                    )
                return
            _settle(job.future, *answer)

    def _next(self, connection: Connection) -> _Job | None:
        """Wait for a job; EOFError if the process ended meanwhile, and its successor gets the job that came."""
        job, self._postponed = self._postponed, None
        if job is not None:
            return job
        while True:
            came = True
            try:
                job = self._jobs.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                came = False
            # Nobody asked the process anything: if there is something to read, it is the end of it.
            if connection.poll(0):
                self._postponed = job
                raise EOFError
            if came:
                return job

    def _await(self, connection: Connection, seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while not self._closing.is_set():
            left = ends - time.monotonic()
            if connection.poll(max(0.0, min(left, 0.5))):
                return True
            if left <= 0:
                return False
        return False


def _settle(future: "Future[Any]", outcome: str, value: Any) -> None:
    if outcome == "done":
        future.set_result(value)
    elif outcome == "refused":
        future.set_exception(value)
    else:
        future.set_exception(FaultError(value))
