"""The public verbs: `load_detector`, which is `psccnet.load`, and `Detector.detect`."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psccnet.engine.engine import Engine, ExitScale, Output
from psccnet.engine.find import make_engine
from psccnet.errors import InputError, MissingFileError, NotANumberError, PictureError
from psccnet.inference.confidence import with_confidence
from psccnet.inference.fusion import fuse
from psccnet.inference.pipeline import in_order
from psccnet.inference.region import region_level
from psccnet.inference.result import Result, Verdict
from psccnet.inference.verdict import judge
from psccnet.pictures.decoding import MAX_PIXELS, Admit, Decoded, Source, decode
from psccnet.pictures.resampling import bands, resample
from psccnet.weights.calibration import Calibration
from psccnet.weights.card import Card

OF_ONE_PICTURE = (PictureError, MissingFileError, NotANumberError)
"""What goes wrong with one picture and leaves the others alone."""


class Detector:
    """Tells of pictures whether they were manipulated, and where.

    Args:
        engine: runs the network.
        card: of the weights, for the threshold and the name.
        max_pixels: larger pictures are refused before they are decoded.
    """

    def __init__(self, engine: Engine, card: Card, max_pixels: int = MAX_PIXELS) -> None:
        self.engine = engine
        self.card = card
        self.max_pixels = max_pixels

    @property
    def model(self) -> str:
        """Name and the first digits of the sha256 of the weights."""
        return f"{self.card.name} {self.card.sha256[:12]}".strip()

    def detect(
        self,
        picture: Source | Decoded,
        *,
        masks: Iterable[int] = (1,),
        exit_scale: ExitScale = 1,
        gate: bool = False,
        threshold: float | None = None,
        evidence: bool = False,
        confidence: bool = False,
    ) -> Result:
        """Detect and localize manipulations in one picture.

        Args:
            picture: path, file bytes, PIL picture, (H, W, 3) uint8 array, or one that is decoded already.
            masks: scales whose masks are kept at the network's own size in `Result.masks`; scales finer than
                `exit_scale` are not computed and left out.
            exit_scale: the finest mask to compute, 1..4; 4 is the fastest (Section IV-F). "auto" stops where the next
                mask would hardly differ (`psccnet.engine.engine.settled`).
            gate: localize only where the detection score passes the threshold (Section IV-C).
            threshold: the decision threshold, 0..1; the card's where left out.
            evidence: look for other traces too (`psccnet.evidence`), and judge by them and the network together.
            confidence: tell how far the mask can be trusted at each pixel (`Result.confidence`).

        Raises:
            PictureError: if the picture cannot be used; the message names it.
            NotANumberError: if the network's answer is not a number; the message names the picture.
            InputError: if exit_scale or a scale is not 1..4.
        """
        wanted = set(masks)
        if exit_scale not in (1, 2, 3, 4, "auto") or not wanted <= {1, 2, 3, 4}:
            raise InputError("scales are 1, 2, 3 and 4, and exit_scale may be 'auto'")
        decoded = picture if isinstance(picture, Decoded) else decode(picture, self.max_pixels)
        calibration = self.card.calibration if threshold is None else None
        threshold = self.card.threshold if threshold is None else threshold
        started = time.perf_counter()
        output = self.engine(decoded.pixels, exit_scale, threshold if gate else None)
        seconds = time.perf_counter() - started
        region = self._region(output)
        kept = wanted | {1, 2, 3, 4} if confidence else wanted
        result = self._result(decoded, output, kept, threshold, region, seconds)
        if evidence:
            result = self._with_evidence(result, decoded, region, calibration)
        return with_confidence(result, wanted) if confidence else result

    def _region(self, output: Output) -> float | None:
        """The level of the calibrated mask at which a region stands out, told by the network's own values."""
        if not output.masks:
            return None
        level, learnt = region_level(output.masks[min(output.masks)]), self.card.mask_calibration
        return level if level is None or learnt is None else float(learnt(np.array([level], np.float32))[0])

    def _result(
        self,
        decoded: Decoded,
        output: Output,
        wanted: set[int],
        threshold: float,
        region: float | None,
        seconds: float,
    ) -> Result:
        if not (math.isfinite(output.score) and all(np.isfinite(mask).all() for mask in output.masks.values())):
            raise NotANumberError(f"{decoded.name}: the network's answer is not a number; check the weights.")
        height, width = decoded.pixels.shape[:2]
        finest = min(output.masks, default=4)
        learnt = self.card.mask_calibration
        masks = output.masks if learnt is None else {scale: learnt(one) for scale, one in output.masks.items()}
        mask = resample(masks[finest], height, width) if masks else np.zeros((height, width), dtype=np.float32)
        verdict: Verdict = "forged" if output.score >= threshold else "pristine"
        level = region if verdict == "forged" else None
        return Result(
            name=decoded.name,
            score=output.score,
            verdict=verdict,
            threshold=threshold,
            mask=mask,
            masks={scale: kept for scale, kept in masks.items() if scale in wanted},
            forged_fraction=_share(mask, 0.5),
            level=level,
            marked_fraction=0.0 if level is None else _share(mask, level),
            width=width,
            height=height,
            sha256=decoded.sha256,
            model=self.model,
            seconds=seconds,
            exit_scale=finest,
            localized=bool(masks),
            notes=decoded.notes,
        )

    def _with_evidence(
        self, result: Result, decoded: Decoded, region: float | None, calibration: Calibration | None
    ) -> Result:
        """The result with what the other traces say, and the verdict of all together."""
        # OpenCV takes a while to load, and is not needed for the network.
        from psccnet.evidence.find import find

        findings = find(decoded.pixels, decoded.data, decoded.orientation)
        judgement = judge(result.score, result.threshold, (result.height, result.width), findings, calibration)
        mask = fuse(result.mask, findings, "network" in judgement.reasons)
        level = None
        if judgement.words in ("forged", "suspicious"):
            level = region if mask is result.mask else _region_of_fused(mask)
        return replace(
            result,
            verdict="forged" if judgement.words == "forged" else "pristine",
            mask=mask,
            forged_fraction=_share(mask, 0.5),
            level=level,
            marked_fraction=0.0 if level is None else _share(mask, level),
            localized=result.localized or mask is not result.mask,
            notes=(*result.notes, judgement.note) if judgement.note else result.notes,
            findings=findings,
            judgement=judgement,
        )

    def detect_many(
        self,
        pictures: Iterable[Source | Decoded],
        *,
        masks: Iterable[int] = (1,),
        exit_scale: ExitScale = 1,
        gate: bool = False,
        threshold: float | None = None,
        evidence: bool = False,
        confidence: bool = False,
        failed: Callable[[Source | Decoded, Exception], None] | None = None,
    ) -> Iterator[Result]:
        """Detect in many pictures; the next are decoded while one is computed. Results come in order and are not kept.

        Args:
            pictures: as of `detect`; drawn a few ahead.
            masks: see `detect`.
            exit_scale: see `detect`.
            gate: see `detect`.
            threshold: see `detect`.
            evidence: see `detect`.
            confidence: see `detect`.
            failed: called with a picture that cannot be used or gives no number and why, after which the others go on;
                where left out, the exception is raised.

        Raises:
            PictureError: if a picture cannot be used and `failed` is not given.
            MissingFileError: likewise.
            NotANumberError: if the network's answer is not a number, likewise.
            InputError: if exit_scale or a scale is not 1..4.
        """
        kept = tuple(masks)

        def prepare(picture: Source | Decoded, admit: Admit) -> Decoded:
            return picture if isinstance(picture, Decoded) else decode(picture, self.max_pixels, admit=admit)

        def work(decoded: Decoded) -> Result:
            return self.detect(
                decoded,
                masks=kept,
                exit_scale=exit_scale,
                gate=gate,
                threshold=threshold,
                evidence=evidence,
                confidence=confidence,
            )

        for picture, result in in_order(pictures, prepare, work, lambda result: result, OF_ONE_PICTURE):
            if isinstance(result, Result):
                yield result
            elif failed is None:
                raise result
            else:
                failed(picture, result)


def _region_of_fused(mask: NDArray[np.float32]) -> float | None:
    """The level of a mask that traces weighed in on; of a larger one, every so many pixels tell as much."""
    step = max(1, round(math.sqrt(mask.size / 1e6)))
    return region_level(mask[::step, ::step])


def _share(mask: NDArray[np.float32], level: float) -> float:
    """Of the pixels above a level."""
    return sum(int(np.count_nonzero(mask[rows] > level)) for rows in bands(*mask.shape)) / mask.size


def load_detector(
    weights: str | Path = "default",
    backend: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    max_pixels: int = MAX_PIXELS,
    tile_cells: int | None = None,
) -> Detector:
    """Load weights into a detector.

    Args:
        weights: a bundled name, a `.safetensors` path, a folder in the released layout, or one that `psccnet weights
            quantize` made.
        backend: "openvino", "onnx", "torch", or "auto": torch on an NVIDIA GPU where there is one, otherwise OpenVINO.
        device: "auto" (an NVIDIA GPU where there is one and torch is installed), "cpu", "cuda", "mps".
        precision: "auto", "float32", "bf16", or "int8" for quantized weights.
        max_pixels: larger pictures are refused before they are decoded.
        tile_cells: points of F_1 in the tiles that large pictures are computed in: fewer take less memory and more
            time. The backend's choice where left out.

    Raises:
        WeightsError: if the weights cannot be read; the message names them.
        InputError: for an unknown backend or precision, a backend that is not installed, or a device that is unknown
            or not there.
    """
    engine, card = make_engine(weights, backend, device, precision, tile_cells)
    return Detector(engine, card, max_pixels)
