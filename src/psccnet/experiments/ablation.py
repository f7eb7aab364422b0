"""Table V's ablations by training: architectural variants under one budget, each from several seeds."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psccnet.datasets.entry import Entry
from psccnet.errors import InputError
from psccnet.evaluation.comparators.network import Network
from psccnet.evaluation.protocol import PROTOCOLS
from psccnet.evaluation.reporting.table import Cell, Table, plain_name
from psccnet.evaluation.runs import Run
from psccnet.evaluation.summary import score_of
from psccnet.inference import Detector, load_detector
from psccnet.pictures.whole_files import merged, write_whole
from psccnet.training.bundle import bundle_checkpoint
from psccnet.training.recipe import Recipe, read_recipe
from psccnet.training.run import train

VARIANTS: dict[str, dict[str, Any]] = {
    "PSCC-Net": {},
    "w/o CA+SA": {"attention": "none"},
    "w/o SA": {"attention": "channel"},
    "w/o CA": {"attention": "spatial"},
    "w/o FS": {"shared_embedding": False},
}
"""Name in Table V -> what it changes of the network's section of a recipe."""
SCORES = {"AUC": "pixel_auc", "F1": "f1_eer", "image AUC": "image_auc"}
_TIMED_PICTURES, _REPEATS = 3, 5


@dataclass(frozen=True)
class Trained:
    """One variant from one seed.

    Attributes:
        variant: a name of `VARIANTS`.
        seed: of initial weights and pictures.
        detector: with its weights.
        scores: (set, name of `SCORES`) -> value.
        failures: a sentence for each picture that could not be used.
        used: the pictures that could.
    """

    variant: str
    seed: int
    detector: Detector
    scores: dict[tuple[str, str], float]
    failures: list[str]
    used: list[Entry]


def ablate(
    recipe: Recipe, sets: dict[str, list[Entry]], folder: Path, report: Callable[[str], None] = print
) -> Iterator[Trained]:
    """Train and evaluate each variant from each seed; what a folder holds already is not done again.

    Args:
        recipe: with its `ablation` section.
        sets: name -> pictures to evaluate on, under the protocol "native".
        folder: receives a run each, `VARIANT-SEED`, with its weights and scores.
        report: is called with a sentence on what is trained next.

    Raises:
        InputError: if the recipe has no ablation section, or the folder holds something else.
    """
    if recipe.ablation is None:
        raise InputError("the recipe has no section `ablation`; take recipes/ablation.yaml as a pattern")
    if recipe.phases:
        raise InputError("an ablation has one budget and no phases; start it from weights by `init` instead")
    wanted = [(variant, seed) for seed in recipe.ablation.seeds for variant in recipe.ablation.variants]
    for number, (variant, seed) in enumerate(wanted, 1):
        report(f"{variant}, seed {seed} ({number} of {len(wanted)})")
        run = folder / plain_name(f"{variant}-{seed}".lower())
        changes = {"name": run.name, "seed": seed, "network": VARIANTS[variant], "ablation": None}
        chosen = Recipe.model_validate(merged(recipe.model_dump(mode="json"), changes))
        kept = run / "recipe.yaml"
        if kept.is_file() and read_recipe(kept) != chosen:
            raise InputError(f"{run} holds a run after another recipe; name another folder, or delete this one.")
        weights = run / "weights.safetensors"
        if not weights.is_file():
            grid = run / "card.yaml"
            checkpoint = train(chosen, run)
            write_whole({grid: f"grid: {chosen.data.validation_size or chosen.data.size}\n".encode()})
            bundle_checkpoint(checkpoint, weights, grid, half=False)
        detector = load_detector(weights)
        yield _evaluated(variant, seed, detector, sets, run)


def _evaluated(variant: str, seed: int, detector: Detector, sets: dict[str, list[Entry]], folder: Path) -> Trained:
    trained = Trained(variant, seed, detector, {}, [], [])
    for name, entries in sets.items():
        run = Run(entries, Network(detector), PROTOCOLS["native"], folder / plain_name(f"scores-{name}"))
        for _ in run.go():
            pass
        trained.failures.extend(run.failures)
        done = {row.id for row in run.rows}
        trained.used.extend(entry for entry in run.entries if entry.id in done)
        for score in SCORES.values():
            trained.scores[name, score] = score_of(run.rows, score, detector.card.threshold)[0]
    return trained


def ablation_table(trained: list[Trained], sets: dict[str, list[Entry]], budget: str) -> Table:
    """Table V's lower part: means over seeds, with the lowest and highest seed in brackets, and the run-time.

    Args:
        trained: all of them.
        sets: that they were evaluated on; their first pictures are timed.
        budget: one sentence on how long each was trained.
    """
    by_variant: dict[str, list[Trained]] = {}
    for result in trained:
        by_variant.setdefault(result.variant, []).append(result)
    pictures = trained[0].used[:_TIMED_PICTURES] if trained else []
    runtime = runtimes({name: runs[0].detector for name, runs in by_variant.items()}, pictures)
    whole = runtime.get("PSCC-Net", float("nan"))
    rows: list[list[str | Cell]] = []
    for variant, runs in by_variant.items():
        values = [[run.scores[name, score] for run in runs] for name in sets for score in SCORES.values()]
        cells = [Cell(statistics.fmean(seeds), min(seeds), max(seeds)) for seeds in values]
        rows.append([variant, *cells, Cell(runtime[variant] / whole, percent=False)])
    columns = ["Variant", *(f"{name} {score}" for name in sets for score in SCORES), "Runtime"]
    seeds = len(next(iter(by_variant.values()), []))
    notes = [
        f"{budget}. Percent, mean over {seeds} seeds, in brackets the lowest and the highest seed (not a confidence "
        "interval); pixel AUC and F1 at each picture's equal-error-rate threshold, mean over forged pictures, native "
        f"size. Runtime: medians of {_REPEATS} turns over {len(pictures)} pictures, the variants in turn, as a share "
        "of PSCC-Net's.",
    ]
    return Table("table-V-ablations", "Architectural variants", columns, rows, notes)


def runtimes(detectors: dict[str, Detector], pictures: list[Entry]) -> dict[str, float]:
    """Median seconds a picture of each detector, in turn, so that a busy machine is as busy for all of them."""
    images = [entry.read().image for entry in pictures]
    taken: dict[str, list[float]] = {name: [] for name in detectors}
    for turn in range(_REPEATS + 1):
        for image in images:
            for name, detector in detectors.items():
                started = time.perf_counter()
                detector.detect(image)
                if turn:  # the first one warms up
                    taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}
