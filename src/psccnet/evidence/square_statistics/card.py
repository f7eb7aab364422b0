"""Which network of square statistics is used, and its card."""

import hashlib
import os
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from psccnet.errors import MissingFileError, WeightsError
from psccnet.weights.calibration import Calibration

GRAPH = Path(__file__).parents[2] / "weights" / "bundled" / "square-statistics.onnx"
"""The network that is shipped; its card lies beside it with the ending .json."""

VARIABLE = "PSCCNET_SQUARES"
"""The variable of the environment that names another one."""


class SquareCard(BaseModel):
    """The card of a network of square statistics.

    Attributes:
        trained_on: which pictures, as text.
        pictures: number of them.
        steps: of training.
        measures: names of what it sees, in order; one that sees other measures than this version takes is refused.
        pixel_auc: mean AUC over the squares of forged pictures that were kept apart; None if there were none.
        created: date, ISO 8601.
        psccnet_version: of the package that trained it.
        calibration: what untouched pictures of several sizes score; None before it was measured, and then the trace
            draws and does not count.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    trained_on: str
    pictures: int
    steps: int
    measures: tuple[str, ...]
    pixel_auc: float | None = None
    created: str = ""
    psccnet_version: str = ""
    calibration: Calibration | None = None


def in_use() -> Path:
    """The network that is used: the file that the variable PSCCNET_SQUARES names, or else the shipped one.

    Raises:
        MissingFileError: if that file, or its card beside it, is not there.
    """
    return there(Path(os.environ.get(VARIABLE) or GRAPH))


def there(path: Path) -> Path:
    """The path of a network itself.

    Raises:
        MissingFileError: if that file, or its card beside it, is not there.
    """
    for file in (path, path.with_suffix(".json")):
        if not file.is_file():
            raise MissingFileError(
                f"{file}: there is no such file; {VARIABLE} names what psccnet weights square-statistics wrote, with"
                " its card beside it. Without the variable the shipped network is used."
            )
    return path


@cache
def read_square_card(path: Path) -> SquareCard:
    """The card of a network.

    Raises:
        WeightsError: if it is no such card.
    """
    try:
        return SquareCard.model_validate_json(path.with_suffix(".json").read_text())
    except ValidationError as error:
        raise WeightsError(f"{path.with_suffix('.json')} is no card of psccnet weights square-statistics") from error


@cache
def digest(path: Path) -> str:
    """The first 12 digits of the sha256 of a network and its card."""
    return hashlib.sha256(path.read_bytes() + path.with_suffix(".json").read_bytes()).hexdigest()[:12]
