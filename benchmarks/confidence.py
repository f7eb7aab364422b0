"""Fit and measure the confidence of masks: does the error fall with the pixels that are rejected?

    python benchmarks/confidence.py look SYNTHETIC synthetic.npz               # masks and truth of forged pictures
    python benchmarks/confidence.py fit synthetic.npz                          # the weights in the package
    python benchmarks/confidence.py look LISTING real.npz --per-set 5 --megapixels 0.75
    python benchmarks/confidence.py plot real.npz docs/evidence/confidence.svg # the curve, and its figures

SYNTHETIC is made by `psccnet synthesize` with the `synthesis` section of recipes/unshuffled.yaml's second phase. All is
measured at the network's own grid, each picture of a set and each set counting alike. The baseline rejects the pixels
whose mask is nearest to 0.5.
"""

import argparse
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from psccnet.cli.progress import progress
from psccnet.datasets.listing import read_listing
from psccnet.inference import load_detector
from psccnet.inference.confidence import NAMES, confidence, measurements
from psccnet.pictures.resampling import resample

REJECTED = np.arange(0, 0.96, 0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(required=True)
    looking = actions.add_parser("look")
    looking.add_argument("listing", type=Path)
    looking.add_argument("masks", type=Path)
    looking.add_argument("--weights", default="default")
    looking.add_argument("--per-set", type=int, default=10**9, help="pictures of each set and manipulation at most")
    looking.add_argument("--megapixels", type=float, default=1e9, help="larger pictures are left out")
    looking.add_argument("--evidence", action="store_true", help="judge the mask that other traces weighed in on")
    looking.set_defaults(act=look)
    fitting = actions.add_parser("fit")
    fitting.add_argument("masks", type=Path)
    fitting.set_defaults(act=fit)
    plotting = actions.add_parser("plot")
    plotting.add_argument("masks", type=Path)
    plotting.add_argument("plot", type=Path)
    plotting.set_defaults(act=plot)
    arguments = parser.parse_args()
    arguments.act(arguments)


def look(arguments: argparse.Namespace) -> None:
    """Store the masks of forged pictures and the truth at the grid of the finest."""
    detector = load_detector(arguments.weights)
    found: dict[str, list] = {"set": [], "shown": [], "truth": [], **{f"mask{scale}": [] for scale in (1, 2, 3, 4)}}
    for entry in progress(chosen(arguments), "pictures"):
        sample = entry.read()
        picture = entry.image if arguments.evidence else sample.image
        result = detector.detect(picture, masks=(1, 2, 3, 4), evidence=arguments.evidence)
        side = result.masks[1].shape
        found["set"].append(entry.set)
        found["shown"].append(resample(result.mask, *side))
        found["truth"].append(at_grid(sample.mask, side))
        for scale in (1, 2, 3, 4):
            found[f"mask{scale}"].append(result.masks[scale])
    np.savez_compressed(arguments.masks, **{name: np.stack(values) for name, values in found.items()})


def chosen(arguments: argparse.Namespace) -> list:
    """Forged pictures, at most so many a set and manipulation, in an order that their names fix."""
    counts: Counter[tuple[str, str]] = Counter()
    entries = []
    for entry in sorted(
        read_listing(arguments.listing), key=lambda one: hashlib.sha256(one.image.name.encode()).hexdigest()
    ):
        width, height = Image.open(entry.image).size
        if entry.forged and width * height <= 1e6 * arguments.megapixels:
            counts[entry.set, entry.manipulation] += 1
            if counts[entry.set, entry.manipulation] <= arguments.per_set:
                entries.append(entry)
    return entries


def at_grid(truth: np.ndarray, side: tuple[int, int]) -> np.ndarray:
    """Ground truth in the middle of each cell of a grid."""
    rows, columns = (
        ((np.arange(cells) + 0.5) * length / cells).astype(int) for cells, length in zip(side, truth.shape, strict=True)
    )
    return truth[rows][:, columns]


def pictures(path: Path) -> list[tuple[str, np.ndarray, dict[int, np.ndarray], np.ndarray]]:
    """Set, mask, masks of scales, and truth of each picture."""
    stored = dict(np.load(path))
    masks = [
        {scale: stored[f"mask{scale}"][n].astype(np.float32) for scale in (1, 2, 3, 4)}
        for n in range(len(stored["set"]))
    ]
    return list(zip(stored["set"].tolist(), stored["shown"].astype(np.float32), masks, stored["truth"], strict=True))


def fit(arguments: argparse.Namespace) -> None:
    """Print the weights, each picture counting alike."""
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    rows, calls, right = [], [], []
    for _, mask, masks, truth in pictures(arguments.masks):
        forged = mask > 0.5
        values = measurements(mask, masks)
        cells = random.choice(mask.size, 3000, replace=False)
        rows.append(np.stack([values[name].ravel()[cells] for name in NAMES], axis=1))
        calls.append(forged.ravel()[cells])
        right.append((forged == truth).ravel()[cells])
    x, call, y = np.concatenate(rows), np.concatenate(calls), np.concatenate(right)
    for name, of in (("PRISTINE", ~call), ("FORGED", call)):
        model = LogisticRegression(C=1, max_iter=1000).fit(x[of], y[of])
        weights = dict(zip(NAMES, (round(float(one), 2) for one in model.coef_[0]), strict=True))
        print(
            name,
            {"constant": round(float(model.intercept_[0]), 2), **weights},
            f"{of.sum()} cells, {y[of].mean():.3f} right",
        )


def plot(arguments: argparse.Namespace) -> None:
    """Print and draw error rate and F1 against the share of rejected pixels."""
    from matplotlib.figure import Figure

    of_sets = pictures(arguments.masks)
    counts = Counter(name for name, *_ in of_sets)
    weight = np.concatenate([np.full(mask.size, 1 / counts[name] / mask.size) for name, mask, _, _ in of_sets])
    call = np.concatenate([(mask > 0.5).ravel() for _, mask, _, _ in of_sets])
    truth = np.concatenate([truth.ravel() for *_, truth in of_sets])
    told = {
        "confidence": np.concatenate([confidence(mask, masks).ravel() for _, mask, masks, _ in of_sets]),
        "distance of the mask from 0.5": np.concatenate([np.abs(mask - 0.5).ravel() for _, mask, _, _ in of_sets]),
    }
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, values), style in zip(told.items(), ("-", "--"), strict=True):
        error, f1 = curve(values, call, truth, weight)
        print(f"{name}: area under the curve {error.mean():.4f}; error and F1 with 0, 10, 20, 30, 50 % rejected:")
        print("   ", [(round(error[at], 3), round(f1[at], 3)) for at in (0, 10, 20, 30, 50)])
        left.plot(100 * REJECTED, error, style, color="black", label=name)
        right.plot(100 * REJECTED, f1, style, color="black")
    print(f"{len(of_sets)} pictures of {len(counts)} sets; of what the mask says at 0.5:")
    for word, of in (("pristine", ~call), ("forged", call)):
        sure = np.average(told["confidence"][of], weights=weight[of])
        print(f"    {word}: confidence {sure:.3f}, right {np.average((call == truth)[of], weights=weight[of]):.3f}")
    for axes, what in ((left, "error rate of the mask at 0.5"), (right, "F1 of the mask at 0.5")):
        axes.set_xlabel("rejected pixels, %")
        axes.set_ylabel(what)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False)
    figure.savefig(arguments.plot, metadata={"Date": None} if arguments.plot.suffix == ".svg" else None)


def curve(
    confident: np.ndarray, call: np.ndarray, truth: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Error rate and F1 of what is left when the least confident are rejected, at `REJECTED`."""
    order = np.argsort(confident, kind="stable")
    call, truth, weight = call[order], truth[order], weight[order]
    at = np.searchsorted(np.cumsum(weight), REJECTED * weight.sum())

    def left(of: np.ndarray) -> np.ndarray:
        return np.cumsum((weight * of)[::-1])[::-1][at]

    both, either = left(call & truth), left(call) + left(truth)
    return left(call != truth) / left(np.ones_like(call)), 2 * both / np.maximum(either, 1e-12)


if __name__ == "__main__":
    main()
