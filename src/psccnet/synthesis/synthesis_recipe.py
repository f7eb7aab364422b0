"""The recipe of the synthesis: all its probabilities and ranges, and reading it from YAML."""

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

_NO_RECIPE = "{}: a recipe consists of sections with fields, such as `seams: {{hard: 0.5}}`."


@dataclass(frozen=True, config=STRICT)
class SynthesisRecipe:
    """Probabilities and ranges of the synthetic data set (paper, section III-D), in sections.

    Examples:
        >>> SynthesisRecipe(size=128, seams={"hard": 0.5}).seams.hard
        0.5
    """

    size: int = 256
    """Side of the square pictures in pixels; the paper trains on 256."""
    manipulations: tuple[str, ...] = MANIPULATIONS
    """The classes, which alternate; package.module:function adds one of your own (docs/extending.md)."""
    host: HostRecipe = HostRecipe()
    """Photographs and their earlier compression."""
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
    """Seams of pasted regions."""
    ending: EndingRecipe = EndingRecipe()
    """Post-processing and the final file."""
    last_mile: LastMileRecipe = LastMileRecipe()
    """Social networks, screenshots and phones."""

    def __post_init__(self) -> None:
        """Raise ValueError for an impossible recipe."""
        if self.size < 32:
            raise ValueError(f"size must be at least 32 pixels, not {self.size}")
        names = [name_of(manipulation) for manipulation in self.manipulations]
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
                raise ValueError(f"{name} must be an ascending range within 0..0.7, not {(low, high)}")

    def changed(self, changes: Mapping[str, Any]) -> "SynthesisRecipe":
        """This recipe with some fields changed, nested as in YAML.

        Raises:
            ValueError: if there is no such field or its value is impossible; `explain` makes one line of it.
        """
        return SynthesisRecipe(**merged(asdict(self), changes))


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class SetDescription:
    """The description of a set: a recipe, and which samples of it the set has."""

    recipe: SynthesisRecipe
    seed: int = 0
    count: int = 400
    layout: Literal["folder", "shards"] = "folder"
    photographs: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)


def read_synthesis(path: Path | None, changes: Mapping[str, Any]) -> SetDescription:
    """Read the description of a set from YAML.

    Args:
        path: a file with fields of `SynthesisRecipe` at the top level, or a set's synthesis.yaml, which has them under
            `recipe`; None for the defaults.
        changes: fields that override the file's.

    Raises:
        InputError: if the file is not such YAML or a field is wrong; the message names file and field.
        MissingFileError: if there is no such file.

    Examples:
        >>> read_synthesis(None, {"size": 64}).recipe.size
        64
    """
    contents: Any = {}
    if path is not None:
        if not path.is_file():
            raise MissingFileError(f"There is no recipe {path}.")
        contents = read_yaml(path) or {}
        if not isinstance(contents, dict):
            raise InputError(_NO_RECIPE.format(path))
    names = [description.name for description in fields_of(SetDescription) if description.name != "recipe"]
    set_fields = {name: contents.pop(name) for name in names if name in contents}
    fields = contents.get("recipe", contents)
    if not isinstance(fields, dict) or not all(isinstance(name, str) for name in fields):
        raise InputError(_NO_RECIPE.format(path))
    try:
        return SetDescription(SynthesisRecipe().changed({**fields, **changes}), **set_fields)
    except ValidationError as error:
        raise InputError(f"{path or 'recipe'}: {explain(error)}") from error


def explain(error: Exception) -> str:
    """A validation error as one line: each field and what is wrong with it."""
    if not isinstance(error, ValidationError):
        return str(error)
    faults = (
        f"{'.'.join(str(part) for part in fault['loc']) or 'recipe'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors()
    )
    return "; ".join(faults)
