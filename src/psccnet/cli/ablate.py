"""`psccnet ablate`: train the variants of Table V under one budget, and print the table."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from psccnet.cli.measuring import find_sets
from psccnet.cli.progress import report_left_out, resumable
from psccnet.cli.train import read_changed
from psccnet.training.recipe import Recipe


def ablate(
    recipe: Path,
    /,
    *,
    sets: Annotated[tuple[str, ...], Parameter(name="--set", negative=())],
    out: Path = Path("runs/ablation"),
    fields: Annotated[Recipe | None, Parameter(name="*")] = None,
) -> int:
    """Train the network without channel-wise attention, spatial attention, both, or feature sharing, and compare.

    Each variant is trained with each seed of the recipe under the same budget and evaluated on the sets. An
    interrupted run resumes when the same command is run again.

    For example:

        psccnet ablate recipes/ablation.yaml --data.photographs photos/ --set listing=validation/

    Args:
        recipe: a YAML file with an `ablation` section.
        sets: NAME=FOLDER to evaluate on, with names from `psccnet datasets list`.
        out: folder for the runs and the table.
    """
    chosen = read_changed(recipe, fields)
    entries_by_set, failures = find_sets(sets)
    from psccnet.evaluation.reporting.table import write_tables
    from psccnet.experiments.ablation import ablate as run
    from psccnet.experiments.ablation import ablation_table

    with resumable():
        trained = list(run(chosen, entries_by_set, out, lambda text: print(f"psccnet: {text}", file=sys.stderr)))
    failures += [failure for variant in trained[:1] for failure in variant.failures]
    status = report_left_out(failures)
    data = chosen.data
    budget = f"Each trained on {chosen.epochs * data.pictures_per_epoch:,} pictures of {data.size} x {data.size}"
    if chosen.init is not None and chosen.init_part == "top_down":
        budget += f", the top-down path from {chosen.init.name}, the rest from random weights"
    table = ablation_table(trained, entries_by_set, budget)
    write_tables([table], out, table.name)
    print(table.markdown())
    return status
