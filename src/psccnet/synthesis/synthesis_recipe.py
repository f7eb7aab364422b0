"""What the synthesis draws from: every probability and range in one place."""

from collections.abc import Mapping
from dataclasses import asdict, field
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from psccnet.errors import InputError, MissingFileError
from psccnet.pictures.sample import MANIPULATIONS
from psccnet.pictures.whole_files import merged, read_yaml
from psccnet.synthesis.own import name_of
from psccnet.synthesis.sections import (
    STRICT,
    CameraRecipe,
    CopyMoveRecipe,
    EndingRecipe,
    HostRecipe,
    LastMileRecipe,
    RegionRecipe,
    RemovalRecipe,
    SeamRecipe,
    SplicingRecipe,
)

_NO_RECIPE = "{}: a recipe is sections of fields, such as `seams: {{hard: 0.5}}`."


@dataclass(frozen=True, config=STRICT)
class SynthesisRecipe:
    """Probabilities and ranges of the synthetic data set (paper, section III-D), in sections."""

    size: int = 256
    """Side of the square pictures in pixels; the paper trains on 256."""
    manipulations: tuple[str, ...] = MANIPULATIONS
    """The classes, which take turns; package.module:function adds one of your own (docs/extending.md)."""
    host: HostRecipe = HostRecipe()
    """Photographs and their past."""
    camera: CameraRecipe = CameraRecipe()
    """Simulated cameras."""
    region: RegionRecipe = RegionRecipe()
    """Shapes of forged regions."""
    splicing: SplicingRecipe = SplicingRecipe()
    """Regions of other photographs."""
    copy_move: CopyMoveRecipe = CopyMoveRecipe()
    """Regions of the same photograph."""
    removal: RemovalRecipe = RemovalRecipe()
    """Regions filled in."""
    seams: SeamRecipe = SeamRecipe()
    """How what is pasted meets its host."""
    ending: EndingRecipe = EndingRecipe()
    """Post-processing and the final file."""
    last_mile: LastMileRecipe = LastMileRecipe()
    """Ways of finished pictures through networks, screenshots and telephones."""

    def __post_init__(self) -> None:
        """Raise ValueError for a recipe that cannot be followed."""
        if self.size < 32:
            raise ValueError(f"size must be at least 32 pixels, not {self.size}")
        names = [name_of(words) for words in self.manipulations]
        if not set(names) - {"pristine"} or len(set(names)) < len(names):
            raise ValueError(f"manipulations must name a forgery, and each once, not {list(self.manipulations)}")
        areas = {
            "splicing.object_area": self.splicing.object_area,
            "splicing.contour_area": self.splicing.contour_area,
            "copy_move.area": self.copy_move.area,
            "removal.area": self.removal.area,
        }
        for name, (low, high) in areas.items():
            if not 0 < low < high <= 0.7:
                raise ValueError(f"{name} must be a rising range within 0..0.7, not {(low, high)}")

    def changed(self, changes: Mapping[str, Any]) -> "SynthesisRecipe":
        """This recipe with fields, nested in their sections, laid over it: what is left out stays as it is.

        Raises:
            ValueError: if there is no such field, or its value cannot be; `explain` says which in a line.
        """
        return SynthesisRecipe(**merged(asdict(self), changes))


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class SetDescription:
    """A recipe, and which samples of it are a set."""

    recipe: SynthesisRecipe
    seed: int = 0
    count: int = 400
    layout: Literal["folder", "shards"] = "folder"
    photographs: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)


def read_synthesis(path: Path | None, changes: Mapping[str, Any]) -> SetDescription:
    """Read what a set is made by from YAML.

    Args:
        path: fields of `SynthesisRecipe` at the top level, or a set's synthesis.yaml, which has them under `recipe`
            and the set beside them; None for the defaults.
        changes: fields that override the file's.

    Raises:
        InputError: if the file is no such YAML or a field is wrong; the message names file and field.
        MissingFileError: if there is no such file.
    """
    contents: Any = {}
    if path is not None:
        if not path.is_file():
            raise MissingFileError(f"There is no recipe {path}.")
        contents = read_yaml(path) or {}
        if not isinstance(contents, dict):
            raise InputError(_NO_RECIPE.format(path))
    names = [one.name for one in fields_of(SetDescription) if one.name != "recipe"]
    of_set = {name: contents.pop(name) for name in names if name in contents}
    fields = contents.get("recipe", contents)
    if not isinstance(fields, dict) or not all(isinstance(name, str) for name in fields):
        raise InputError(_NO_RECIPE.format(path))
    try:
        return SetDescription(SynthesisRecipe().changed({**fields, **changes}), **of_set)
    except ValidationError as error:
        raise InputError(f"{path or 'recipe'}: {explain(error)}") from error


def explain(error: Exception) -> str:
    """One line of a validation error: what is wrong with which field."""
    if not isinstance(error, ValidationError):
        return str(error)
    faults = (
        f"{'.'.join(str(part) for part in fault['loc']) or 'recipe'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors()
    )
    return "; ".join(faults)
