"""The card of a weight file: what the weights were trained on, how, and how good they are. Needs no torch."""

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
    """The description of a weight file.

    `psccnet.weights.save` fills in the architecture, `parameters`, `psccnet_version`, `created` (if empty) and
    `sha256`; the caller gives the rest.

    Attributes:
        name: short name of the weights.
        architecture: the options of the network.
        threshold: detection score at and above which the verdict is "forged", 0..1.
        calibration: false-alarm rates of scores, for the verdict; made by `psccnet weights calibrate`.
        mask_calibration: makes 0.5 the best threshold of masks; made by `psccnet weights calibrate --forged`.
        created: date and time in UTC, ISO 8601.
        trained_on: the training pictures, as text.
        recipe: the complete training recipe.
        steps: number of optimiser steps.
        pictures: number of pictures seen in training, with repetitions.
        scores: data set or split -> metric -> value.
        notes: strengths and weaknesses of the weights, and what they should not be used for.
        licence: of the weights.
        sha256: of the safetensors file beside the card, hexadecimal.
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
        """The sha256 of the weights, and of their calibrations if there are any; differs if the results may differ."""
        calibrations = [
            part.model_dump_json() for part in (self.calibration, self.mask_calibration) if part is not None
        ]
        return " ".join([self.sha256, *(hashlib.sha256(text.encode()).hexdigest()[:12] for text in calibrations)])


def render(card: Card) -> str:
    """The card as text for people, without empty fields."""
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
    """One line for each score, with its interval if there are scores NAME_low and NAME_high."""
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
    """The path of the card of a `.safetensors` file: beside it, with the ending `.json`.

    Examples:
        >>> card_path(Path("runs/mine.safetensors")).name
        'mine.json'
    """
    return weights.with_suffix(".json")


def read_card(weights: Path) -> Card:
    """Read the card beside a weight file, without reading the weights.

    Raises:
        WeightsError: if there is no card, or it is not valid.
    """
    path = card_path(weights)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WeightsError(
            f"{weights} has no card: put {path.name} beside it, or write both again with psccnet.weights.save"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path} cannot be read: check its permissions, or copy it again") from error
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
    """Check that a weight file and its card belong together.

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
    """The files of the weights that come with the package, by name."""
    folder = Path(str(files("psccnet.weights") / "bundled"))
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}
