"""Measure the maps of traces in the mask that people see.

    python benchmarks/evidence_maps.py weigh SYNTHETIC   # what they are worth beside the network's mask
    python benchmarks/evidence_maps.py sets LISTING      # how well they outline forgeries, by set

`weigh` wants forgeries of photographs that neither network was trained on; no weight is fitted on validation sets.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from psccnet.cli.progress import progress
from psccnet.datasets.entry import Entry
from psccnet.datasets.listing import read_listing
from psccnet.evidence.colour_filter import colour_filter
from psccnet.evidence.double_compression import double_compression
from psccnet.evidence.square_statistics import square_statistics
from psccnet.inference import Detector, load_detector
from psccnet.inference.fusion import MOST_SURE, fuse, log_odds
from psccnet.metrics import auc
from psccnet.pictures.opening import is_jpeg


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(required=True)
    for name, act in (("weigh", weigh), ("sets", by_set)):
        action = actions.add_parser(name)
        action.add_argument("listing", type=Path)
        action.add_argument("--weights", default="default")
        action.set_defaults(act=act)
    arguments = parser.parse_args()
    arguments.act(arguments)


@dataclass(frozen=True)
class Maps:
    """Log-odds and ground truth of a forged picture, (h, w) each, one value for a square of 8 x 8 pixels.

    Attributes:
        network: of the calibrated mask.
        squares: of square statistics.
        once: of double compression.
        seen: of the mask that people see, without copies laid over.
        truth: share of forged pixels.
    """

    network: np.ndarray
    squares: np.ndarray
    once: np.ndarray
    seen: np.ndarray
    truth: np.ndarray


def maps_of(entry: Entry, detector: Detector) -> Maps | None:
    """None for pictures that are too small for square statistics."""
    sample, data = entry.read(), entry.image.read_bytes()
    squares = square_statistics(sample.image, data, sample.orientation)
    if squares is None:
        return None
    size = squares.map.shape[::-1]
    compression = double_compression(data, sample.orientation)
    once = np.zeros_like(squares.map)
    if compression is not None and compression.map is not None:
        once = log_odds(cv2.resize(compression.map, size), 2.0)
    filtered = () if is_jpeg(data) else (colour_filter(sample.image),)
    mask = detector.detect(sample.image).mask
    network, seen, truth = (
        cv2.resize(one.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        for one in (log_odds(mask, 14), log_odds(fuse(mask, (squares, *filtered), True), 14), sample.mask)
    )
    return Maps(network, log_odds(squares.map, MOST_SURE["square-statistics"]), once, seen, truth)


def forgeries(arguments: argparse.Namespace) -> Iterator[tuple[Entry, Maps]]:
    """The forged pictures of a listing with their maps."""
    detector = load_detector(arguments.weights)
    for entry in progress([one for one in read_listing(arguments.listing) if one.forged], "forgeries"):
        maps = maps_of(entry, detector)
        if maps is not None:
            yield entry, maps


def weigh(arguments: argparse.Namespace) -> None:
    """Print what the maps of traces are worth beside the calibrated mask; each picture counts alike."""
    from sklearn.linear_model import LogisticRegression

    rows, labels, weights = [], [], []
    random = np.random.default_rng(0)
    for _, maps in forgeries(arguments):
        for label, cells in ((1, maps.truth > 0.75), (0, maps.truth < 0.05)):
            chosen = np.flatnonzero(cells)
            chosen = random.choice(chosen, min(400, len(chosen)), replace=False)
            rows.append(np.stack([one.ravel()[chosen] for one in (maps.network, maps.squares, maps.once)], axis=1))
            labels.append(np.full(len(chosen), label))
            weights.append(np.full(len(chosen), 1000 / max(1, len(chosen))))
    model = LogisticRegression(C=0.1, max_iter=500).fit(
        np.concatenate(rows), np.concatenate(labels), np.concatenate(weights)
    )
    mask, squares, once = model.coef_[0]
    print(f"SQUARE_WEIGHT {squares / mask:.2f}, double compression {once / mask:.2f}")


def by_set(arguments: argparse.Namespace) -> None:
    """Print pixel AUC and F1 at 0.5, at squares of 8 pixels, by set and manipulation."""
    found: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for entry, maps in forgeries(arguments):
        truth = maps.truth >= 0.5
        if truth.any() and not truth.all():
            seen = maps.seen > 0
            f1 = 2 * (seen & truth).sum() / (seen.sum() + truth.sum())
            aucs = [auc(one, truth) for one in (maps.network, maps.squares, maps.seen)]
            found[entry.set, entry.manipulation].append([*aucs, float(f1)])
    print("| set | pictures | network alone | square statistics alone | the mask people see | its F1 |")
    print("|---" * 6 + "|")
    sets = defaultdict(list)
    for (name, manipulation), scores in sorted(found.items()):
        sets[name].append(np.mean(scores, axis=0))
        cells = " | ".join(f"{one:.3f}" for one in sets[name][-1])
        print(f"| {name}, {manipulation} | {len(scores)} | {cells} |")
    cells = " | ".join(f"{one:.3f}" for one in np.mean([np.mean(one, axis=0) for one in sets.values()], axis=0))
    print(f"| mean over {len(sets)} sets | {sum(map(len, found.values()))} | {cells} |")


if __name__ == "__main__":
    main()
