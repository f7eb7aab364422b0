from dataclasses import replace

import numpy as np
import pytest

from psccnet.serve import store as module
from psccnet.serve.jobs import Options, Outcome
from psccnet.serve.store import Store

from ..report.conftest import result_of


def outcome(kilobytes: int = 0) -> Outcome:
    result = replace(result_of(0.8), masks={}, mask=np.empty((0, 0), np.float32))
    return Outcome(result, None, {1: np.zeros((kilobytes, 256), np.float32)})


def test_results_have_ids_that_nobody_can_guess() -> None:
    store = Store(60, 1 << 20)
    ids = {store.add(outcome(), b"x", Options()).id for _ in range(100)}
    assert len(ids) == len(store) == 100
    assert min(map(len, ids)) >= 22


def test_the_oldest_go_first() -> None:
    store = Store(60, 10 << 10)
    kept = [store.add(outcome(4), bytes(100), Options()) for _ in range(3)]
    assert [store.get(one.id) is not None for one in kept] == [False, True, True]
    assert store.nbytes == 2 * (4096 + 100)
    large = store.add(outcome(50), b"", Options())
    assert len(store) == 1
    assert store.get(large.id) is large


def test_results_are_deleted_when_their_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    store = Store(60, 1 << 20)
    first = store.add(outcome(1), b"abc", Options())
    now += 59
    second = store.add(outcome(1), b"abc", Options())
    assert store.get(first.id) is first
    now += 1
    assert store.get(first.id) is None
    assert store.get(second.id) is second
    now += 59
    store.sweep()
    assert (len(store), store.nbytes) == (0, 0)


def test_deleting() -> None:
    store = Store(60, 1 << 20)
    kept = store.add(outcome(1), b"abc", Options())
    assert store.remove(kept.id)
    assert not store.remove(kept.id)
    assert store.nbytes == 0
