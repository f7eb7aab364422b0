"""Items go through in order, a bounded number of pixels at a time, and one that fails stops nothing."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from psccnet.inference import Detector, PictureError
from psccnet.inference.pipeline import Admit, in_order

from ..conftest import texture


class Watched:
    """Steps that note how many pixels are held, and take turns of different lengths."""

    def __init__(self, pixels: dict[int, int] | None = None) -> None:
        self.pixels = pixels or {}
        self.held = 0
        self.most = 0
        self.lock = threading.Lock()

    def prepare(self, item: int, admit: Admit) -> int:
        size = self.pixels.get(item, 1)
        if size < 0:
            raise KeyError(item)
        admit(size)
        with self.lock:
            self.held += size
            self.most = max(self.most, self.held)
        time.sleep(0.002 * (item % 3))
        if item % 10 == 7:
            with self.lock:
                self.held -= size
            raise PictureError(f"{item} is broken")
        return item

    def finish(self, item: int) -> int:
        time.sleep(0.002 * (item % 2))
        with self.lock:
            self.held -= self.pixels.get(item, 1)
        return -item


def run(watched: Watched, items: range, room: int, work: Callable[[int], int] = lambda item: item) -> Iterator:
    return in_order(items, watched.prepare, work, watched.finish, (PictureError,), room)


def test_in_order_whatever_takes_longest() -> None:
    found = list(run(Watched(), range(60), 1000))
    assert [item for item, _ in found] == list(range(60))
    for item, outcome in found:
        if item % 10 == 7:
            assert str(outcome) == f"{item} is broken"
        else:
            assert outcome == -item


@pytest.mark.parametrize("large", [5, 500])
def test_pixels_are_bounded(large: int) -> None:
    watched = Watched({item: large if item % 4 == 0 else 2 for item in range(50)})
    assert len(list(run(watched, range(50), 6))) == 50
    assert watched.most <= max(6, large)
    assert watched.held == 0


def test_unexpected_failures_end_everything() -> None:
    found = []
    running = run(Watched({5: -1}), range(100), 10)
    with pytest.raises(KeyError):
        found.extend(item for item, _ in running)
    assert found == sorted(found)
    assert len(found) <= 5
    with pytest.raises(ZeroDivisionError):
        list(run(Watched(), range(10), 10, lambda item: 1 // item))


def test_whoever_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    running = run(Watched(dict.fromkeys(range(1000), 4)), range(1000), 4)
    assert next(running) == (0, 0)
    running.close()
    assert threading.active_count() == before


def test_items_are_drawn_a_few_ahead_only() -> None:
    drawn = []

    def items() -> Iterator[int]:
        for item in range(1000):
            drawn.append(item)
            yield item

    running = in_order(items(), lambda item, _admit: item, lambda item: item, lambda item: item)
    for _ in range(5):
        next(running)
    assert len(drawn) < 20
    running.close()


def test_detect_many_is_detect(detector: Detector) -> None:
    pictures = [texture(seed, 40 + 5 * seed, 60) for seed in range(5)]
    many = list(detector.detect_many(pictures, masks=(4,), exit_scale=4, threshold=0.1))
    for picture, result in zip(pictures, many, strict=True):
        alone = detector.detect(picture, masks=(4,), exit_scale=4, threshold=0.1)
        assert (result.score, result.threshold, result.exit_scale, list(result.masks)) == (alone.score, 0.1, 4, [4])
        assert np.array_equal(result.mask, alone.mask)


def test_detect_many_and_pictures_that_cannot_be_used(detector: Detector) -> None:
    pictures = [texture(1), b"no picture", "missing.png", texture(2)]
    with pytest.raises(PictureError, match="not a picture"):
        list(detector.detect_many(pictures))
    failed: list[tuple[object, str]] = []
    results = list(detector.detect_many(pictures, failed=lambda what, why: failed.append((what, str(why)))))
    assert len(results) == 2
    assert [what for what, _ in failed] == [b"no picture", "missing.png"]
    assert "there is no such file" in failed[1][1]
