"""Work in a process: done in order, ended when it takes too long, and started anew. The jobs are Python's own."""

import functools
import importlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any

import psutil
import pytest

from psccnet.errors import WeightsError
from psccnet.inference import load_detector
from psccnet.serve.workers import DiedError, FaultError, TookTooLongError, Worker

from .conftest import until


@pytest.fixture
def start() -> Iterator[Callable[[str], Worker]]:
    started: list[Worker] = []

    def start(module: str) -> Worker:
        started.append(Worker(functools.partial(importlib.import_module, module), "test"))
        assert started[-1].wait(30)
        return started[-1]

    yield start
    for worker in started:
        worker.close()


def test_jobs_are_done_in_a_process_of_their_own(start: Callable[[str], Worker]) -> None:
    worker = start("os")
    found = [worker.submit("getpid", seconds=10).result() for _ in range(2)]
    assert found[0] == found[1] != os.getpid()
    assert worker.restarts == 0


def test_what_takes_too_long_is_ended_and_the_next_is_done(start: Callable[[str], Worker]) -> None:
    worker = start("time")
    began = time.monotonic()
    slow, quick = worker.submit("sleep", 60, seconds=0.5), worker.submit("sleep", 0, seconds=10)
    with pytest.raises(TookTooLongError, match=r"longer than 0\.5 s"):
        slow.result()
    assert quick.result(timeout=30) is None
    assert time.monotonic() - began < 30
    assert worker.restarts == 1


def test_a_process_that_dies_is_started_anew(start: Callable[[str], Worker]) -> None:
    worker = start("os")
    with pytest.raises(DiedError):
        worker.submit("_exit", 3, seconds=10).result()
    assert worker.submit("getpid", seconds=10).result(timeout=30) > 0


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_a_process_that_dies_while_idle_costs_no_job(start: Callable[[str], Worker]) -> None:
    worker = start("os")
    first = worker.submit("getpid", seconds=10).result()
    os.kill(first, signal.SIGKILL)
    assert until(lambda: not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE)
    assert worker.submit("getpid", seconds=10).result(timeout=30) != first
    second = worker.submit("getpid", seconds=10).result()
    os.kill(second, signal.SIGKILL)
    assert until(lambda: worker.restarts == 2)  # without a job that would find out


def test_a_fault_is_told_and_the_process_goes_on(start: Callable[[str], Worker]) -> None:
    worker = start("math")
    with pytest.raises(FaultError, match="ValueError"):
        worker.submit("sqrt", -1, seconds=10).result()
    assert worker.submit("sqrt", 4, seconds=10).result() == 2
    assert worker.restarts == 0


def test_what_is_cancelled_before_its_turn_is_left_out(start: Callable[[str], Worker]) -> None:
    worker = start("time")
    first, second = worker.submit("sleep", 1, seconds=10), worker.submit("sleep", 60, seconds=1)
    assert second.cancel()
    first.result()
    worker.submit("sleep", 0, seconds=10).result(timeout=10)
    assert worker.restarts == 0


def test_closing_ends_what_runs_and_cancels_what_waits(start: Callable[[str], Worker]) -> None:
    worker = start("time")
    running, waiting = worker.submit("sleep", 60, seconds=60), worker.submit("sleep", 0, seconds=60)
    assert until(running.running)
    began = time.monotonic()
    worker.close()
    assert time.monotonic() - began < 5
    with pytest.raises(DiedError):
        running.result(timeout=5)
    with pytest.raises(CancelledError):
        waiting.result(timeout=5)


def test_why_it_cannot_start_is_said() -> None:
    make: Any = functools.partial(load_detector, "nowhere")
    worker = Worker(make, "test")
    with pytest.raises(WeightsError, match="nowhere is neither"):
        worker.wait(30)
    worker.close()
