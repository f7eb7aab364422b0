"""Schemas of requests and responses, for validation and the OpenAPI description."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from psccnet.serve.jobs import Options

Scale = Annotated[int, Field(ge=1, le=4)]
ExitScale = Literal[1, 2, 3, 4, "auto"]


def _from_form(value: Any) -> Any:
    """Convert a number that a form gave as text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


def _numbers(value: Any) -> Any:
    """Split the scales of a form, such as "1,4"."""
    if isinstance(value, str):
        return [_from_form(part.strip()) for part in value.split(",") if part.strip()]
    return value


def _from_base64(value: Any) -> Any:
    if not isinstance(value, str):
        raise PydanticCustomError("base64", "a picture is text in base64")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise PydanticCustomError("base64", "not base64") from error


class Choices(BaseModel):
    """The options of each picture."""

    model_config = ConfigDict(extra="forbid")

    masks: Annotated[list[Scale], BeforeValidator(_numbers), Field(max_length=4)] = Field(
        default=[1, 2, 3, 4], description="Scales whose masks are kept, 1 the finest; in a form with commas between."
    )
    exit_scale: Annotated[ExitScale, BeforeValidator(_from_form)] = Field(
        default=1, description="The finest mask to compute; 4 is the fastest, auto stops where the next adds nothing."
    )
    gate: bool = Field(default=False, description="Localize only what is called forged.")
    evidence: bool = Field(default=True, description="Look for other traces of the picture and its file, too.")
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="Score at and above which a picture is called forged; the weights' own."
    )

    def options(self) -> Options:
        """The options for the process that detects."""
        return Options(tuple(self.masks), self.exit_scale, self.gate, self.evidence, self.threshold)


Encoded = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    Field(min_length=1, description="The picture's file in base64.", json_schema_extra={"format": "byte"}),
]


_EXAMPLE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR42mOsiLJhYGBgYmBgYGBgAAANDgESEeg6HQAAAABJRU5ErkJggg=="
)
"""A PNG file of 2 x 2 pixels."""


class PictureRequest(Choices):
    """A request with one picture in JSON."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"picture": _EXAMPLE, "name": "photo.png", "masks": [1]}]}
    )

    picture: Encoded
    name: str = Field(default="picture", max_length=300, description="What the report calls the picture.")


class BatchRequest(Choices):
    """A request with several pictures in JSON."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pictures": [_EXAMPLE, _EXAMPLE], "exit_scale": 4}]})

    pictures: Annotated[list[Encoded], Field(min_length=1)]


class Problem(BaseModel):
    """Why a request was refused, in one sentence."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"detail": "photo.jpg: truncated or damaged; copy or download it again."}]}
    )

    detail: str


class Region(BaseModel):
    """A region of a finding."""

    outline: list[list[int]] = Field(description="Corners x, y in pixels of the upright picture.")
    label: str


class FindingOut(BaseModel):
    """The finding of one trace."""

    name: str = Field(description="Of the trace, the same in every version.")
    title: str = Field(description="Of the trace, for people.")
    sentence: str
    how_to_read: str
    false_alarms: float | None = Field(description="How often an untouched picture shows as much.")
    significant: bool
    regions: list[Region]
    source: str
    rate: str = Field(description="false_alarms in words.")
    drawing: str | None = Field(description="Where its map or its regions over the picture are; null if it has none.")


class Detection(BaseModel):
    """The verdict on one picture, and links to its drawings."""

    id: str = Field(description="Of the result. Whoever knows it may see the picture; treat it as a password.")
    expires_in: float = Field(description="Seconds until it is deleted.")
    words: Literal["forged", "suspicious", "nothing found", "no verdict"] = Field(
        description="The verdict as people read it."
    )
    meaning: str = Field(description="What the score says, in words.")
    how_sure: str = Field(description="How many untouched pictures are judged as badly, in words; may be empty.")
    place: str = Field(description="How much of the picture the marked region takes, in words; may be empty.")
    false_alarms: float | None = Field(
        description="Share of untouched pictures that are judged as badly; null: unknown."
    )
    reasons: list[str] = Field(description="What speaks for a manipulation: network, or names of findings.")
    name: str
    verdict: Literal["forged", "pristine"]
    score: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)
    forged_fraction: float = Field(description="Share of the picture where the mask is above 0.5.")
    level: float | None = Field(description="Mask value above which a region is marked; null if none stands out.")
    marked_fraction: float
    confidence: float | None = Field(description="Null: psccnet detect --confidence tells it, the server does not.")
    width: int
    height: int
    sha256: str = Field(description="Of the picture's file.")
    model: str
    seconds: float
    exit_scale: int
    localized: bool
    notes: list[str]
    findings: list[FindingOut]
    facts: list[list[str]] = Field(description="What the file says of itself: name and value each.")
    limits: list[str] = Field(description="What the method cannot tell, in words.")
    explained: list[int] = Field(description="Scales whose responses can be asked for.")
    links: dict[str, str] = Field(description="Where the drawings and the report are.")


class Failure(BaseModel):
    """A picture of a batch that could not be analysed."""

    index: int
    detail: str


class Batch(BaseModel):
    """The results of a batch in order, and the pictures that failed."""

    results: list[Detection]
    failures: list[Failure]


class Response(BaseModel):
    """The places that the SCCM relates one pixel to (Eq. 2 of the paper, Fig. 9)."""

    scale: int
    x: int
    y: int
    rows: int
    columns: int
    values: list[list[float]] = Field(description="Rows of values; the largest is 1.")


class State(BaseModel):
    """Whether the server can analyse pictures."""

    status: Literal["ok", "starting", "failed"]


def form_schema(field: str, many: bool) -> dict[str, Any]:
    """The schema of a form with one file or several, and the options."""
    properties = Choices.model_json_schema()["properties"]
    properties["masks"] = {"type": "string", "pattern": "^[1-4](,[1-4]){0,3}$", "description": "Such as 1,2,3,4."}
    file = {"type": "string", "format": "binary", "description": "The picture's file."}
    properties[field] = {"type": "array", "items": file, "minItems": 1} if many else file
    return {"type": "object", "properties": properties, "required": [field], "additionalProperties": False}
