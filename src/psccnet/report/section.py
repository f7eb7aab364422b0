"""One picture's part of a report: its text and its drawings."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from psccnet.evidence import Finding
from psccnet.inference import Result
from psccnet.inference.finding_drawing import draw_finding
from psccnet.inference.rendering import legend_line, overlay, png, ramp, reduced
from psccnet.inference.scales import coloured
from psccnet.pictures.resampling import resample
from psccnet.report.file_facts import file_facts
from psccnet.report.sentences import false_alarm_sentence, meaning, rate
from psccnet.weights.card import Card

Pixels = NDArray[np.uint8]

LONGEST = 1100
"""Pixels along the longer side of the drawings, which is about 170 dots an inch on paper."""
SMALL = 320
"""Pixels along the longer side of each of the four masks."""


@dataclass(frozen=True)
class FindingPart:
    """One finding as the report shows it.

    Attributes:
        finding: what the trace says.
        rate: how often untouched pictures show as much, a sentence.
        drawing: the map or the regions on the picture, a data URI; empty where the trace has none.
        has_map: whether the drawing has colours that need the scale.
    """

    finding: Finding
    rate: str
    drawing: str
    has_map: bool


@dataclass(frozen=True)
class Section:
    """One picture's part; the drawings are data URIs.

    Attributes:
        result: of the picture.
        meaning: what the score says, in words.
        false_alarms: how many untouched pictures reach the threshold.
        legend: what the white line in the overlay stands for.
        picture: as it was looked at.
        overlay: the mask over it.
        masks: scale and mask, coarse to fine.
        findings: of other traces.
        facts: what the file says of itself.
    """

    result: Result
    meaning: str
    false_alarms: str
    legend: str
    picture: str
    overlay: str
    masks: tuple[tuple[int, str], ...]
    findings: tuple[FindingPart, ...]
    facts: tuple[tuple[str, str], ...]


def section_of(result: Result, pixels: Pixels, data: bytes, card: Card, longest: int = LONGEST) -> Section:
    """Make one picture's part of a report.

    Args:
        result: with its mask, and those to show of the four scales in `masks`.
        pixels: (H, W, 3) uint8, the picture as the network saw it.
        data: the file's bytes, for what they say of themselves.
        card: of the weights.
        longest: side of the drawings, pixels.
    """
    small = reduced(pixels, longest)
    height, width = small.shape[:2]
    mask = resample(result.mask, height, width)
    thumbnail_size = reduced(pixels, SMALL).shape[:2]
    return Section(
        result=result,
        meaning=meaning(result, card),
        false_alarms=false_alarm_sentence(result, card),
        legend=legend_line(result),
        picture=_jpeg_uri(small),
        overlay=_jpeg_uri(overlay(small, mask, result.level)),
        masks=tuple(
            (scale, png_uri(coloured(resample(values, *thumbnail_size))))
            for scale, values in sorted(result.masks.items())[::-1]
        ),
        findings=tuple(_finding_part(finding, pixels, longest) for finding in result.findings),
        facts=(*file_facts(data, result.name), ("looked at", f"{result.width} x {result.height} pixels")),
    )


def _finding_part(finding: Finding, pixels: Pixels, longest: int) -> FindingPart:
    drawing = draw_finding(finding, pixels, longest)
    return FindingPart(finding, rate(finding), "" if drawing is None else _jpeg_uri(drawing), finding.map is not None)


def scales() -> tuple[str, str]:
    """The colour bars for maps and for overlays."""
    return png_uri(ramp(14, 220)), png_uri(ramp(14, 220, over_grey=True))


def png_uri(pixels: Pixels) -> str:
    """Pixels as a data URI (PNG)."""
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode()}"


def _jpeg_uri(pixels: Pixels) -> str:
    """Pixels as a data URI (JPEG): a tenth of the size of PNG, without visible damage to photographs."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="JPEG", quality=90, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
