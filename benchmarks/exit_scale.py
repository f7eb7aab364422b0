"""Measure the gain and loss of `exit_scale="auto"` at several tolerances, on pictures with ground truth.

For each tolerance: how many pictures stop at which mask, the remaining time of the bottom-up path, and the mean pixel
AUC on forged pictures, compared with that of mask 1. Example:

    python benchmarks/exit_scale.py validation/ --set casia1
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from psccnet.cli.progress import progress
from psccnet.datasets.listing import read_listing
from psccnet.engine.engine import SETTLED, change
from psccnet.inference import load_detector
from psccnet.metrics import auc
from psccnet.pictures.resampling import resample

TOLERANCES = (0.0, 0.0025, 0.005, 0.01, 0.02, 0.04, 1.0)


def main() -> None:
    """Run the network once per picture, down to mask 1, and find out where it could have stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("listing", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="sets")
    parser.add_argument("--weights", default="default")
    arguments = parser.parse_args()
    engine = load_detector(arguments.weights).engine
    changes: list[dict[int, float]] = []
    aucs: list[dict[int, float] | None] = []
    for entry in progress(read_listing(arguments.listing, tuple(arguments.sets)), "pictures"):
        sample = entry.read()
        masks = engine(sample.image).masks
        changes.append({scale: change(masks, scale) for scale in (3, 2, 1)})
        truth = sample.mask
        if truth is None or truth.all() or not truth.any():
            aucs.append(None)
        else:
            aucs.append({scale: auc(resample(mask, *truth.shape), truth) for scale, mask in masks.items()})
    seconds = time_of_masks(engine)
    print(f"{len(changes)} pictures, {sum(one is not None for one in aucs)} forged; tolerance in use: {SETTLED}\n")
    print("| tolerance | stop at mask 3 | at 2 | at 1 | time of the masks | pixel AUC |")
    print("|---|---|---|---|---|---|")
    for tolerance in TOLERANCES:
        stops = [next((scale for scale in (3, 2) if of[scale] < tolerance), 1) for of in changes]
        shares = [100 * stops.count(scale) / len(stops) for scale in (3, 2, 1)]
        left = statistics.mean(seconds[stop] for stop in stops) / seconds[1]
        mean = np.mean([of[stop] for of, stop in zip(aucs, stops, strict=True) if of is not None])
        shown = " | ".join(f"{share:.0f} %" for share in shares)
        print(f"| {tolerance:g} | {shown} | {100 * left:.0f} % | {mean:.4f} |")


def time_of_masks(engine) -> dict[int, float]:
    """Median seconds of the bottom-up path down to each scale."""
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)

    def seconds(exit_scale: int) -> float:
        started = time.perf_counter()
        engine(pixels, exit_scale)
        return time.perf_counter() - started

    without = statistics.median(gated(engine, pixels) for _ in range(9))
    return {scale: statistics.median(seconds(scale) for _ in range(9)) - without for scale in (1, 2, 3)}


def gated(engine, pixels: np.ndarray) -> float:
    """Seconds of everything except the masks."""
    started = time.perf_counter()
    engine(pixels, gate_below=2.0)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
