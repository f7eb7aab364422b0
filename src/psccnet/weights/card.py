"""The card of a weight file: what the weights were trained on, how, and how well they do. Needs no torch."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from psccnet.errors import WeightsError, listed
from psccnet.network.architecture import Architecture
from psccnet.pictures.lfs_pointer import POINTER, file_is_pointer
from psccnet.pictures.whole_files import reading
from psccnet.weights.calibration import Calibration
from psccnet.weights.mask_calibration import MaskCalibration


def _sorted_scores(scores: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: dict(sorted(values.items())) for name, values in sorted(scores.items())}


class Card(BaseModel):
    """What is known of a weight file.

    `psccnet.weights.save` fills the architecture, `parameters`, `psccnet_version`, `created` (where empty)
    and `sha256` from what it writes; the rest is the caller's.

    Attributes:
        name: short name of the weights.
        architecture: what the network is made from.
        threshold: detection score at and above which the verdict is "forged", 0..1.
        calibration: what scores untouched pictures of several sizes get, for the verdict; made by `psccnet weights
            calibrate`.
        mask_calibration: what makes 0.5 of a mask mean what it says; made by `psccnet weights calibrate --forged`.
        created: date and time in UTC, ISO 8601.
        trained_on: the pictures, in words.
        recipe: the training recipe in full.
        steps: optimiser steps.
        pictures: pictures seen in training, repetitions counted.
        scores: data set or split -> metric -> value.
        notes: how strong or weak the weights are, and what they should not be used for.
        licence: of the weights.
        sha256: hexadecimal, of the safetensors file that the card stands beside.
        parameters: number of learned values.
        psccnet_version: the version of this package that wrote the file.
        reproduce: the command that computes `scores` again.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    architecture: Architecture = Architecture()
    threshold: float = Field(default=0.5, ge=0, le=1)
    calibration: Calibration | None = None
    mask_calibration: MaskCalibration | None = None
    created: str = ""
    trained_on: str = ""
    recipe: dict[str, Any] = Field(default_factory=dict)
    steps: int = Field(default=0, ge=0)
    pictures: int = Field(default=0, ge=0)
    scores: Annotated[dict[str, dict[str, float]], AfterValidator(_sorted_scores)] = Field(default_factory=dict)
    notes: str = ""
    licence: str = ""
    sha256: str = ""
    parameters: int = Field(default=0, ge=0)
    psccnet_version: str = ""
    reproduce: str = ""

    @property
    def identity(self) -> str:
        """Changes when the answers of the weights do: their sha256 and, where there are any, those of calibrations."""
        learnt = [one.model_dump_json() for one in (self.calibration, self.mask_calibration) if one is not None]
        return " ".join([self.sha256, *(hashlib.sha256(one.encode()).hexdigest()[:12] for one in learnt)])


def render(card: Card) -> str:
    """The card as text for people; parts that are empty are left out."""
    network = card.architecture
    attention = {"both": "spatial and channel", "none": "no"}.get(network.attention, network.attention)
    embedding = "shared embedding" if network.shared_embedding else "separate embeddings"
    detection = "detection head" if network.detection == "head" else "detection by the contrast of mask 2"
    rows = {
        "network": f"variant {network.variant}, {network.stem} stem, {attention} attention, {embedding},"
        f" grid {network.grid}, {detection}",
        "parameters": f"{card.parameters:,}" if card.parameters else "",
        "threshold": f"{card.threshold:g} (a higher or equal score is called forged)",
        "calibrated": _calibrated(card.calibration),
        "masks": _masks(card.mask_calibration),
        "trained on": card.trained_on,
        "training": f"{card.steps:,} steps, {card.pictures:,} pictures" if card.steps else "",
        "created": card.created,
        "written by": f"psccnet {card.psccnet_version}" if card.psccnet_version else "",
        "licence": card.licence,
        "sha256": card.sha256,
        "reproduce": card.reproduce,
    }
    width = max(len(label) for label in rows)
    lines = [card.name, *(f"  {label:<{width}}  {text}" for label, text in rows.items() if text)]
    if card.scores:
        lines.append("  scores")
    for name, values in card.scores.items():
        lines += [f"    {name}", *(f"      {line}" for line in _scores(values))]
    if card.notes:
        lines += ["", card.notes.strip()]
    if card.recipe:
        lines += ["", "recipe:", json.dumps(card.recipe, indent=2, sort_keys=True, default=str)]
    return "\n".join(lines)


def _calibrated(calibration: Calibration | None) -> str:
    if calibration is None:
        return ""
    counts = ", ".join(f"{count:,} {name}" for name, count in calibration.pictures.items())
    return f"by untouched pictures: {counts}" + (f" ({calibration.of})" if calibration.of else "")


def _masks(calibration: MaskCalibration | None) -> str:
    if calibration is None:
        return ""
    return (
        f"calibrated by {calibration.pictures:,} forged pictures ({calibration.of}): {calibration.level:.3f} of the"
        f" network becomes 0.5; their F1 at 0.5 from {calibration.f1_before:.3f} to {calibration.f1:.3f}"
    )


def _scores(values: dict[str, float]) -> list[str]:
    """One line a score, with the ends of its interval, NAME_low and NAME_high, where it has one."""
    lines = []
    for name, value in values.items():
        if name.endswith(("_low", "_high")):
            continue
        low, high = values.get(f"{name}_low"), values.get(f"{name}_high")
        ends = f"  95 % [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
        text = f"{value:.0f}" if float(value).is_integer() and value > 1 else f"{value:.3f}"
        lines.append(f"{name:<22} {text}{ends}")
    return lines


def card_path(weights: Path) -> Path:
    """Where the card of a `.safetensors` file stands: beside it, with the ending `.json`."""
    return weights.with_suffix(".json")


def read_card(weights: Path) -> Card:
    """Read the card beside a weight file, without looking at the weights.

    Raises:
        WeightsError: if there is no card, or it is not one.
    """
    path = card_path(weights)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WeightsError(
            f"{weights} has no card: put {path.name} beside it, or write both again with psccnet.weights.save"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path} cannot be read: copy it again, and check its permissions") from error
    try:
        return Card.model_validate_json(text)
    except ValidationError as error:
        where = listed([".".join(map(str, e["loc"])) or e["msg"] for e in error.errors()])
        raise WeightsError(f"{path} is not a card that psccnet reads (see: {where}): copy or write it again") from None


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, hexadecimal; InputError or MissingFileError if it cannot be read."""
    with reading(path), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verify(weights: Path) -> Card:
    """Check that a weight file is the one its card was written for.

    Returns:
        The card.

    Raises:
        WeightsError: if the file or its card is missing, or the file's sha256 is not the card's.
    """
    if not weights.is_file():
        raise WeightsError(f"{weights} does not exist: check the path")
    if file_is_pointer(weights):
        raise WeightsError(f"{weights} is {POINTER}")
    card = read_card(weights)
    found = sha256(weights)
    if found != card.sha256:
        raise WeightsError(
            f"{weights} has sha256 {found[:12]}…, but its card {card_path(weights).name} says"
            f" {card.sha256[:12] or 'none'}…: copy the two files again, together"
        )
    return card


def bundled() -> dict[str, Path]:
    """Name -> file of the weights that come with the package, by name."""
    folder = Path(str(files("psccnet.weights") / "bundled"))
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}
