"""Measure synthetic pictures per second: one process, one per core, and each class alone.

The ways alternate, and medians are printed. Example:

    python benchmarks/synthesize.py photographs/ --objects objects.tar --count 400 --repeats 3
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from psccnet.pictures.sample import MANIPULATIONS
from psccnet.synthesis import Objects, Photographs, SynthesisRecipe, Synthesizer
from psccnet.synthesis.writing import write_set


def written(synthesizer: Synthesizer, count: int, workers: int) -> float:
    """Pictures per second when writing to a folder, including the start of the processes."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        for _ in write_set(synthesizer, count, Path(folder) / "set", workers=workers):
            pass
        return count / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--objects", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    photographs = Photographs.open(arguments.photographs)
    objects = Objects.open(arguments.objects, photographs) if arguments.objects else None
    cores = os.cpu_count() or 1
    rates: dict[str, list[float]] = {}
    for seed in range(arguments.repeats):
        synthesizer = Synthesizer(photographs, objects, SynthesisRecipe(size=arguments.size), seed)
        for workers in (0, cores):
            name = f"written, {workers or 1} process{'es' if workers > 1 else ''}"
            rates.setdefault(name, []).append(written(synthesizer, arguments.count, workers))
        for kind in MANIPULATIONS:
            started = time.perf_counter()
            for index in range(arguments.count // 8):
                synthesizer.sample(index, kind)
            rates.setdefault(f"{kind} alone", []).append(arguments.count // 8 / (time.perf_counter() - started))
    print(f"| {arguments.size} x {arguments.size} | pictures a second (median of {arguments.repeats}) |\n|---|---|")
    for name, values in rates.items():
        print(f"| {name} | {statistics.median(values):.0f} |")


if __name__ == "__main__":
    main()
