"""Several processes on one machine, each with a detector and cores of its own."""

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
"""Pictures that a process is given at a time: few, so that little is looked at again where it dies."""
ENDED = "its process was ended by the system, most often for want of memory; give it more, or fewer --workers"


class _Place(NamedTuple):
    """What a process has for itself."""

    cores: frozenset[int]
    device: str


def places(workers: int, device: str) -> list[_Place]:
    """The cores of this process shared out, and the GPUs in turn where the device is "cuda"."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    shares = [frozenset(cores[at::workers]) or frozenset(cores) for at in range(workers)]
    return [_Place(share, f"cuda:{at % _gpus()}" if device == "cuda" else device) for at, share in enumerate(shares)]


def _gpus() -> int:
    import torch

    return max(1, torch.cuda.device_count())


class _Server(BaseManager):
    """Keeps the one set of what was looked at, for all processes."""

    claimed: Any


_Server.register("claimed", Claims, exposed=["claim"])


def look_in_processes(
    items: Iterable[Item], options: Options, workers: int, computed: Keys | None = None
) -> Iterator[tuple[Item, Row]]:
    """Look at pictures in several processes; rows come as they are ready.

    A process that is killed costs no picture: those in hand are tried again, each alone, and one that kills its
    process again fails.

    Args:
        items: drawn as they are needed.
        options: as of `look`.
        workers: how many processes.
        computed: where given, bytes that are in it, or were looked at by any process, are not computed again.
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
                dead = yield from _until_one_dies(iter([item]), options, 1, claimed)
                for one in dead:
                    yield one, failed(one, f"{one.source}: {ENDED}.")
    finally:
        if server is not None:
            server.shutdown()


def _until_one_dies(
    source: Iterator[Item], options: Options, workers: int, claimed: Any
) -> Generator[tuple[Item, Row], None, list[Item]]:
    """Look at the items until none is left or a process dies; those in hand at its death."""
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
        # A pool that is broken does not take the chunk that was drawn for it.
        return [item for taken in (*flying.values(), chunk) for item in taken]
    finally:
        pool.shutdown(cancel_futures=True)


_detector: Detector
_options: Options
_claim: Claim | None


def _start(options: Options, free: "Queue[_Place]", claimed: Any) -> None:
    """In a new process: take a place and load the detector."""
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
    """Ctrl-C goes to every process of a terminal; the first one says when they are to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
