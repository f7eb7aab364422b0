"""Compare a scan with the detector alone on the same pictures, and measure what more processes gain.

Makes JPEG files of 512 x 384 from photographs of scikit-image. The ways alternate, each round compares them in pairs,
and medians are printed. The detector is loaded before; --workers includes the start of the processes. Examples:

    python benchmarks/scan_overhead.py --count 200 --repeats 3 --workers 1 2

    python benchmarks/scan_overhead.py --rows 1000000  # the limit of the scan itself: rows without any computation
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from psccnet.inference import Detector
from psccnet.scan import scanning
from psccnet.scan.item import Item
from psccnet.scan.looking import Options
from psccnet.scan.rows import Row
from psccnet.scan.scanning import Scan
from psccnet.scan.sources import Sources

HEIGHT, WIDTH = 384, 512


@dataclass(frozen=True)
class Loaded(Options):
    """Options with a detector that is loaded already."""

    loaded: Detector | None = field(default=None, compare=False)

    def detector(self) -> Detector:
        """The loaded detector."""
        assert self.loaded is not None
        return self.loaded


def make_pictures(folder: Path, count: int) -> list[Path]:
    """Crops of photographs, each at a different place."""
    rng = np.random.default_rng(0)
    photographs = [np.asarray(made)[..., :3] for made in (skimage.data.astronaut(), skimage.data.coffee())]
    paths = []
    for number in range(count):
        photograph = photographs[number % 2]
        scale = max(HEIGHT / photograph.shape[0], WIDTH / photograph.shape[1]) * rng.uniform(1.05, 1.5)
        size = (round(photograph.shape[1] * scale), round(photograph.shape[0] * scale))
        x, y = (int(rng.integers(0, most - least + 1)) for most, least in zip(size, (WIDTH, HEIGHT), strict=True))
        picture = Image.fromarray(photograph).resize(size).crop((x, y, x + WIDTH, y + HEIGHT))
        paths.append(folder / f"{number:06d}.jpg")
        picture.save(paths[-1], quality=90)
    return paths


def alone(detector: Detector, paths: Iterable[Path]) -> None:
    """Run the detector on one picture after the other."""
    for path in paths:
        detector.detect(path, masks=())


def scan(folder: Path, options: Options, workers: int = 0) -> None:
    """Scan the folder into a new results folder."""
    with tempfile.TemporaryDirectory() as out:
        for _ in Scan(Sources([str(folder)]), Path(out) / "results", options, workers=workers).run():
            pass


def seconds(call: Callable[[], None]) -> float:
    """The duration of a call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def rows_per_second(count: int) -> float:
    """Rows per second of a scan of made-up names that computes nothing: listing, look-up, Parquet."""

    class Names(Sources):
        def items(self) -> Iterator[Item]:
            return (Item(f"photographs/{n // 1000:06d}/{n:09d}.jpg", n, "1", "x") for n in range(count))

    def nothing(items: Iterable[Item], *_: object) -> Iterator[tuple[Item, Row]]:
        for item in items:
            yield item, {"source": item.source, "key": item.key, "state": "done", "sha256": "0" * 64, "score": 0.5}

    before, scanning.look = scanning.look, nothing  # type: ignore[assignment]
    try:
        with tempfile.TemporaryDirectory() as out:
            names = Scan(Names([]), Path(out), Loaded(loaded=Options().detector()))
            return count / seconds(lambda: [None for _ in names.run()] and None)
    finally:
        scanning.look = before


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="*", default=[])
    parser.add_argument("--rows", type=int, default=0)
    given = parser.parse_args()
    if given.rows:
        print(f"{rows_per_second(given.rows):,.0f} rows per second without computation, {given.rows:,} rows")
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = make_pictures(folder, given.count)
        plain = Options(evidence=False)
        detector = plain.detector()
        loaded = Loaded(evidence=False, loaded=detector)
        alone(detector, paths[:2])  # compiles for the size
        ways: dict[str, Callable[[], None]] = {
            "detector alone": lambda: alone(detector, paths),
            "scan": lambda: scan(folder, loaded),
            **{f"scan --workers {n}": lambda n=n: scan(folder, plain, n) for n in given.workers},  # type: ignore[misc]
        }
        measured: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(given.repeats):
            for name, way in ways.items():
                measured[name].append(seconds(way))
        print(f"{given.count} JPEG files of {WIDTH} x {HEIGHT}, medians of {given.repeats} rounds:\n")
        print("| way | seconds per picture | ratio to the detector alone, per round |")
        print("|---|---|---|")
        for name, found in measured.items():
            ratios = [here / base for here, base in zip(found, measured["detector alone"], strict=True)]
            shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            print(
                f"| {name} | {statistics.median(found) / given.count:.3f} | {statistics.median(ratios):.2f} ({shown}) |"
            )


if __name__ == "__main__":
    main()
