"""Several processes on one machine, each with its own detector and cores."""

import os
import signal
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from multiprocessing.queues import Queue
from typing import Any, NamedTuple

from psccnet.inference import Detector
from psccnet.scan.item import Item
from psccnet.scan.keys import Claims, Keys
from psccnet.scan.looking import Claim, Options, failed, look
from psccnet.scan.rows import Row

CHUNK = 4
"""Pictures per task of a process: few, so that little is repeated if the process dies."""
ENDED = "the system ended its process, usually for lack of memory; restart with fewer --workers and --retry-failed"


class _Place(NamedTuple):
    """The cores and the device of a process."""

    cores: frozenset[int]
    device: str


def places(workers: int, device: str) -> list[_Place]:
    """Divide the cores of this process among `workers`; with the device "cuda", also assign GPUs in turn."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    shares = [frozenset(cores[at::workers]) or frozenset(cores) for at in range(workers)]
    return [_Place(share, f"cuda:{at % _gpus()}" if device == "cuda" else device) for at, share in enumerate(shares)]


def _gpus() -> int:
    import torch

    return max(1, torch.cuda.device_count())


class _Server(BaseManager):
    """Holds the claims of all processes."""

    claimed: Any


_Server.register("claimed", Claims, exposed=["claim"])


def look_in_processes(
    items: Iterable[Item], options: Options, workers: int, computed: Keys | None = None
) -> Iterator[tuple[Item, Row]]:
    """Examine pictures in several processes; rows come as soon as they are ready.

    If a process is killed, no picture is lost: the pictures that were being processed are tried again one by one, and
    a picture that kills its process again becomes a failure.

    Args:
        items: the pictures; drawn when they are needed.
        options: see `look`.
        workers: number of processes.
        computed: with it, equal bytes are computed once: not if they are in it or a process computed them already.
    """
    server = None
    claimed = None
    try:
        if computed is not None:
            server = _Server(ctx=get_context("spawn"))
            server.start(_ignore_interrupts)
            claimed = server.claimed(computed.packed())
        source = iter(items)
        suspects: deque[Item] = deque()
        while True:
            suspects.extend((yield from _until_one_dies(source, options, workers, claimed)))
            if not suspects:
                return
            while suspects:
                item = suspects.popleft()
                fatal = yield from _until_one_dies(iter([item]), options, 1, claimed)
                for picture in fatal:
                    yield picture, failed(picture, f"{picture.source}: {ENDED}.")
    finally:
        if server is not None:
            server.shutdown()


def _until_one_dies(
    source: Iterator[Item], options: Options, workers: int, claimed: Any
) -> Generator[tuple[Item, Row], None, list[Item]]:
    """Examine the items until none is left or a process dies; return those that were being processed then."""
    context = get_context("spawn")
    free: Queue[_Place] = context.Queue()
    for place in places(workers, options.device):
        free.put(place)
    flying: dict[Future[list[Row]], list[Item]] = {}
    chunk: list[Item] = []
    pool = ProcessPoolExecutor(workers, context, _start, (options, free, claimed))
    try:
        while True:
            while len(flying) < 2 * workers and (chunk := list(islice(source, CHUNK))):
                flying[pool.submit(_look, chunk)] = chunk
                chunk = []
            if not flying:
                return []
            ready, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in ready:
                rows = future.result()
                yield from zip(flying.pop(future), rows, strict=True)
    except BrokenProcessPool:
        # A broken pool refused the last chunk, which was drawn already.
        return [item for taken in (*flying.values(), chunk) for item in taken]
    finally:
        pool.shutdown(cancel_futures=True)


_detector: Detector
_options: Options
_claim: Claim | None


def _start(options: Options, free: "Queue[_Place]", claimed: Any) -> None:
    """Initialise a new process: take cores and device, and load the detector."""
    global _detector, _options, _claim
    _ignore_interrupts()
    place = free.get()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, place.cores)
    _options = replace(options, device=place.device)
    _detector = _options.detector()
    _claim = None if claimed is None else claimed.claim


def _look(items: list[Item]) -> list[Row]:
    return [row for _, row in look(items, _detector, _options, _claim)]


def _ignore_interrupts() -> None:
    """Ignore Ctrl-C, which reaches every process of a terminal; the parent ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
