"""`psccnet train`: train after a recipe."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from psccnet.pictures.whole_files import parse_yaml
from psccnet.training.recipe import Recipe, read_recipe


def train(
    recipe: Path,
    /,
    *,
    out: Path | None = None,
    max_time: Annotated[float | None, Parameter(help="Stop after so many minutes; resume later.")] = None,
    resume: bool = True,
    fields: Annotated[Recipe | None, Parameter(name="*")] = None,
) -> None:
    """Train after a recipe; any of its fields can be overridden.

    A run whose folder holds last.ckpt goes on from there, to the step.

    For example:

        psccnet train recipes/default.yaml --data.photographs photos/ --out runs/first

        psccnet train recipes/default.yaml --out runs/first --max-time 60 --optimizer.lr 1e-4

    Args:
        recipe: a YAML file such as recipes/paper.yaml.
        out: folder of the run; runs/NAME-DATE if left out.
        resume: go on from last.ckpt in that folder, if there is one.
    """
    chosen = read_changed(recipe, fields)
    from psccnet.training.run import train as run

    folder = out or Path("runs") / f"{chosen.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    print(run(chosen, folder, max_time * 60 if max_time is not None else None, resume))


def read_changed(recipe: Path, fields: Recipe | None) -> Recipe:
    """A recipe file with the fields that the command line sets laid over it."""
    changes = fields.model_dump(mode="json", exclude_unset=True) if fields else {}
    # Fields of free form arrive as words; they mean what they would mean in the file.
    synthesis = changes.get("data", {}).get("synthesis", {})
    synthesis |= _meant(synthesis, "--data.synthesis")
    return read_recipe(recipe, changes)


def _meant(fields: dict[str, Any], flag: str) -> dict[str, Any]:
    """Words, also those in sections, as what YAML reads in them."""
    meant = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            meant[name] = _meant(value, f"{flag}.{name}")
        else:
            meant[name] = parse_yaml(value, f"{flag}.{name}") if isinstance(value, str) else value
    return meant
