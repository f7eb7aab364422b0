"""Scan a million made-up pictures: time to the first row, memory of listing, time to find that nothing is left to do.

Makes folders of hard links to one small picture, lists them, then writes rows as if all were done, and resumes. The
network runs only for the first row. Example:

    python benchmarks/scan_names.py --count 1000000
"""

import argparse
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from psccnet.scan.looking import Options, failed
from psccnet.scan.scanning import PART_ROWS, Scan
from psccnet.scan.sources import Sources

PER_FOLDER = 1_000


def megabytes() -> float:
    """Peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make(folder: Path, count: int) -> None:
    """A folder with `count` names of one picture."""
    first = folder / "one.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(first)
    links = os.stat(first).st_nlink
    for number in range(count):
        if number % PER_FOLDER == 0:
            below = folder / f"{number // PER_FOLDER:06d}"
            below.mkdir()
            # File systems limit the number of links to a file, usually to 65,000.
            if links > 50_000:
                first = below / "one.png"
                shutil.copy(folder / "one.png", first)
                links = 1
        os.link(first, below / f"{number:09d}.png")
        links += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--weights", default="unshuffled")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made, "photos")
        folder.mkdir()
        make(folder, arguments.count)
        sources, options = Sources([str(folder)]), Options(arguments.weights)
        print(f"{arguments.count:,} names made")

        begun = time.perf_counter()
        scan = Scan(sources, Path(made, "out"), options)
        rows = scan.run()
        next(rows)
        print(f"first row after {time.perf_counter() - begun:.2f} s")
        rows.close()

        before, begun = megabytes(), time.perf_counter()
        count = sum(1 for _ in sources.items())
        spent = time.perf_counter() - begun
        print(f"listed {count:,} in {spent:.1f} s, {count / spent:,.0f} a second, {megabytes() - before:.1f} MB more")

        part = []
        for item in sources.items():
            part.append(failed(item, "made up"))
            if len(part) == 50 * PART_ROWS:
                scan.folder.add(part)
                part = []
        if part:
            scan.folder.add(part)
        before, begun = megabytes(), time.perf_counter()
        left = sum(1 for _ in Scan(sources, Path(made, "out"), options).run())
        spent = time.perf_counter() - begun
        print(f"nothing left to do ({left}) after {spent:.1f} s, {megabytes() - before:.0f} MB more")


if __name__ == "__main__":
    main()
