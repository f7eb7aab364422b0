"""What the shipped network of square statistics is, and how its answers are to be taken."""

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from psccnet.weights.calibration import Calibration

GRAPH = Path(__file__).parents[2] / "weights" / "bundled" / "square-statistics.onnx"
"""The network that is shipped; its card lies beside it with the ending .json."""


class SquareCard(BaseModel):
    """The card of a network of square statistics.

    Attributes:
        trained_on: which pictures, as text.
        pictures: number of them.
        steps: of training.
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
    pixel_auc: float | None = None
    created: str = ""
    psccnet_version: str = ""
    calibration: Calibration | None = None


@cache
def shipped() -> SquareCard:
    """The card of the shipped network."""
    return SquareCard.model_validate_json(GRAPH.with_suffix(".json").read_text())
