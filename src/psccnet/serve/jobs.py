"""The jobs of a server's two processes: one detects, the other draws results."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from psccnet.errors import InputError
from psccnet.inference import Result, load_detector
from psccnet.inference.attention import Attention, watched
from psccnet.inference.finding_drawing import draw_finding
from psccnet.inference.fusion import fuse
from psccnet.inference.rendering import (
    levels,
    mask_with_legend,
    overlay_with_legend,
    png,
    progression,
    reduced,
)
from psccnet.inference.scales import ScaleName, coloured
from psccnet.pictures.decoding import decode
from psccnet.pictures.resampling import resample
from psccnet.report.file_facts import file_facts
from psccnet.serve.settings import Settings
from psccnet.weights.card import Card

Map = NDArray[np.float32]
FUSED = 320
PREVIEW = 2048
"""Longer side of the picture that the page shows, pixels; larger pictures are reduced to it."""


@dataclass(frozen=True)
class Options:
    """The options of a request.

    Attributes:
        masks: scales whose masks are kept.
        exit_scale: the finest mask to compute.
        gate: localize only what is called forged.
        evidence: look for other traces, too.
        threshold: of the verdict; the weights' own where left out.
    """

    masks: tuple[int, ...] = (1, 2, 3, 4)
    exit_scale: Literal[1, 2, 3, 4, "auto"] = 1
    gate: bool = False
    evidence: bool = True
    threshold: float | None = None


@dataclass(frozen=True)
class Outcome:
    """A result as it is passed between processes, with what is needed to draw and explain it.

    Attributes:
        result: its `mask` is empty, since it follows from the finest one.
        finest: that mask, at the network's own size; None where the gate left it out.
        module_inputs: scale -> what its module was given (`psccnet.inference.attention.watched`).
        facts: what the file says of itself, name and value each.
        fused: the mask that other traces were laid over, of at most `FUSED` pixels a side; None where there are none.
    """

    result: Result
    finest: Map | None
    module_inputs: dict[int, Map]
    facts: tuple[tuple[str, str], ...] = ()
    fused: Map | None = None

    def with_mask(self) -> Result:
        """The result with its mask at the picture's size."""
        height, width = self.result.height, self.result.width
        mask = np.zeros((height, width), np.float32) if self.finest is None else resample(self.finest, height, width)
        if self.result.judgement is not None:
            mask = fuse(mask, self.result.findings, "network" in self.result.judgement.reasons)
        return replace(self.result, mask=mask)

    @property
    def nbytes(self) -> int:
        """Approximate memory, bytes."""
        maps = [*self.module_inputs.values(), *self.result.masks.values()]
        maps += [finding.map for finding in self.result.findings if finding.map is not None]
        maps += [mask for mask in (self.finest, self.fused) if mask is not None]
        return sum(values.nbytes for values in maps)


def _is_fused(result: Result) -> bool:
    """Whether a trace that speaks for a manipulation has its map in the mask."""
    return fuse(result.mask, result.findings, network_speaks=True) is not result.mask


def _small(mask: Map) -> Map:
    height, width = (max(1, round(side * min(1.0, FUSED / max(mask.shape)))) for side in mask.shape)
    return resample(mask, height, width)


class DetectionJobs:
    """The jobs of the process that detects."""

    def __init__(self, settings: Settings) -> None:
        self._detector = load_detector(
            settings.weights, settings.backend, settings.device, settings.precision, settings.max_pixels
        )
        # Compiled and run once, so that the first picture of a user need not wait for it.
        self._detector.engine.prepare()
        self._detector.detect(np.zeros((64, 64, 3), np.uint8))

    def detect(self, data: bytes, name: str, options: Options) -> Outcome:
        """Detect in the file of one picture."""
        decoded = decode(data, self._detector.max_pixels, name)
        with watched(self._detector.engine) as module_inputs:
            result = self._detector.detect(
                decoded,
                masks=(1, 2, 3, 4),
                exit_scale=options.exit_scale,
                gate=options.gate,
                threshold=options.threshold,
                evidence=options.evidence,
            )
        finest = result.masks.get(result.exit_scale)
        kept = {scale: mask for scale, mask in result.masks.items() if scale in options.masks}
        empty = np.empty((0, 0), np.float32)
        facts = tuple(file_facts(data, name))
        return Outcome(
            result=replace(result, mask=empty, masks=kept),
            finest=finest,
            module_inputs=module_inputs if result.masks else {},
            facts=facts,
            fused=_small(result.mask) if _is_fused(result) else None,
        )


class DrawingJobs:
    """The jobs of the process that draws, explains and writes reports."""

    def __init__(self, settings: Settings, card: Card) -> None:
        self._settings = settings
        self._card = card
        self._attention: Attention | None = None

    def draw(self, kind: str, outcome: Outcome, data: bytes) -> bytes:
        """A PNG file of one kind: mask, mask16, overlay, masks, or picture.

        Raises:
            InputError: for an unknown kind.
        """
        made: dict[str, Callable[[], NDArray[Any]]] = {
            "mask": lambda: mask_with_legend(outcome.with_mask()),
            "mask16": lambda: levels(outcome.with_mask().mask, np.uint16),
            "overlay": lambda: overlay_with_legend(self._pixels(data), outcome.with_mask()),
            "masks": lambda: progression(self._pixels(data), outcome.result),
            "picture": lambda: reduced(self._pixels(data), PREVIEW),
        }
        if kind not in made:
            raise InputError(f"there is no drawing {kind}")
        return png(made[kind]())

    def evidence(self, number: int, outcome: Outcome, data: bytes) -> bytes:
        """A PNG file of one finding's map and regions over the picture.

        Raises:
            InputError: if there is no such finding, or it is no drawing.
        """
        findings = outcome.result.findings
        drawn = draw_finding(findings[number], self._pixels(data)) if 0 <= number < len(findings) else None
        if drawn is None:
            raise InputError("there is no such drawing")
        return png(drawn)

    def response(self, outcome: Outcome, scale: int, point: tuple[float, float]) -> Map:
        """The spatial response of one pixel (Eq. 2), its largest value brought to 1.

        Args:
            outcome: the result.
            scale: 1..4.
            point: across and down as shares of the picture's sides.

        Raises:
            InputError: if that scale was not computed, or these weights have no such responses.
        """
        if scale not in outcome.module_inputs:
            raise InputError(f"scale {scale} was not computed for this picture")
        if self._attention is None:
            self._attention = Attention(self._settings.weights)
        row = self._attention.spatial(outcome.module_inputs[scale], scale, point)
        row /= row.max()
        return row

    def response_drawing(self, outcome: Outcome, scale: int, point: tuple[float, float], colours: ScaleName) -> bytes:
        """The response as a coloured PNG file, 512 pixels along the longer side."""
        row = self.response(outcome, scale, point)
        longest = max(outcome.result.width, outcome.result.height)
        height, width = (max(1, round(512 * side / longest)) for side in (outcome.result.height, outcome.result.width))
        return png(coloured(resample(row, height, width), colours))

    def report(self, outcome: Outcome, data: bytes, paper: bool, parameters: dict[str, str], date: datetime) -> bytes:
        """The report of one picture, HTML or PDF."""
        from psccnet.report.document import html, pdf
        from psccnet.report.section import section_of

        section = section_of(outcome.with_mask(), self._pixels(data), data, self._card)
        page = html([section], self._card, parameters, date=date)
        return pdf(page) if paper else page.encode()

    def _pixels(self, data: bytes) -> NDArray[np.uint8]:
        return decode(data, self._settings.max_pixels, "picture").pixels
