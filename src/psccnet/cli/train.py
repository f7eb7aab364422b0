"""`psccnet train`: train from a recipe."""

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
    max_time: Annotated[float | None, Parameter(help="Stop after this many minutes; resume later.")] = None,
    resume: bool = True,
    fields: Annotated[Recipe | None, Parameter(name="*")] = None,
) -> None:
    """Train from a recipe; each of its fields can be overridden.

    If the folder of the run holds last.ckpt, training resumes from that step.

    For example:

        psccnet train recipes/default.yaml --data.photographs photos/ --out runs/first

        psccnet train recipes/default.yaml --out runs/first --max-time 60 --optimizer.lr 1e-4

    Args:
        recipe: a YAML file such as recipes/paper.yaml.
        out: folder of the run; by default runs/NAME-DATE.
        resume: resume from last.ckpt in that folder, if there is one.
    """
    chosen = read_changed(recipe, fields)
    from psccnet.training.run import train as run

    folder = out or Path("runs") / f"{chosen.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    print(run(chosen, folder, max_time * 60 if max_time is not None else None, resume))


def read_changed(recipe: Path, fields: Recipe | None) -> Recipe:
    """Read a recipe file, and apply the fields set on the command line."""
    changes = fields.model_dump(mode="json", exclude_unset=True) if fields else {}
    # Fields of free form arrive as strings; parse them as in the file.
    synthesis = changes.get("data", {}).get("synthesis", {})
    synthesis |= _parsed(synthesis, "--data.synthesis")
    return read_recipe(recipe, changes)


def _parsed(fields: dict[str, Any], flag: str) -> dict[str, Any]:
    """Parse strings, also nested ones, as YAML."""
    parsed = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            parsed[name] = _parsed(value, f"{flag}.{name}")
        else:
            parsed[name] = parse_yaml(value, f"{flag}.{name}") if isinstance(value, str) else value
    return parsed
