"""The public verbs: `load` and `Detector.detect`."""

import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from psccnet.inference.backends import Backend, Output
from psccnet.inference.decoding import MAX_PIXELS, Decoded, Source, decode
from psccnet.inference.resampling import resample
from psccnet.inference.result import Result
from psccnet.weights.card import Card


class Detector:
    """Tells of pictures whether they were manipulated, and where.

    Args:
        backend: runs the network.
        card: of the weights, for the threshold and the name.
        max_pixels: larger pictures are refused before they are decoded.
    """

    def __init__(self, backend: Backend, card: Card, max_pixels: int = MAX_PIXELS) -> None:
        self.backend = backend
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
        exit_scale: int = 1,
        gate: bool = False,
        threshold: float | None = None,
    ) -> Result:
        """Detect and localize manipulations in one picture.

        Args:
            picture: path, file bytes, PIL picture, (H, W, 3) uint8 array, or one that is decoded already.
            masks: scales whose masks are kept at the network's own size in `Result.masks`; scales finer than
                `exit_scale` are not computed and left out.
            exit_scale: the finest mask to compute, 1..4; 4 is the fastest (Section IV-F).
            gate: localize only where the detection score passes the threshold (Section IV-C).
            threshold: the decision threshold, 0..1; the card's where left out.

        Raises:
            PictureError: if the picture cannot be used; the message names it.
            ValueError: if exit_scale or a scale is not 1..4.
        """
        wanted = set(masks)
        if exit_scale not in range(1, 5) or not wanted <= set(range(1, 5)):
            raise ValueError("scales are 1, 2, 3 and 4")
        decoded = picture if isinstance(picture, Decoded) else decode(picture, self.max_pixels)
        threshold = self.card.threshold if threshold is None else threshold
        started = time.perf_counter()
        output = self.backend(decoded.pixels, exit_scale, threshold if gate else None)
        seconds = time.perf_counter() - started
        return self._result(decoded, output, wanted, exit_scale, threshold, seconds)

    def _result(
        self,
        decoded: Decoded,
        output: Output,
        wanted: set[int],
        exit_scale: int,
        threshold: float,
        seconds: float,
    ) -> Result:
        if not math.isfinite(output.score):
            raise FloatingPointError(f"{decoded.name}: the network's score is not a number; check the weights.")
        height, width = decoded.pixels.shape[:2]
        if output.masks:
            mask = resample(output.masks[exit_scale], height, width)
        else:
            mask = np.zeros((height, width), dtype=np.float32)
        return Result(
            name=decoded.name,
            score=output.score,
            verdict="forged" if output.score >= threshold else "pristine",
            threshold=threshold,
            mask=mask,
            masks={scale: kept for scale, kept in output.masks.items() if scale in wanted},
            forged_fraction=float((mask > 0.5).mean()),
            width=width,
            height=height,
            sha256=decoded.sha256,
            model=self.model,
            seconds=seconds,
            exit_scale=exit_scale,
            localized=bool(output.masks),
            notes=decoded.notes,
        )

    def detect_many(
        self, pictures: Iterable[Source | Decoded], *, exit_scale: int = 1, gate: bool = False
    ) -> Iterator[Result]:
        """Detect in many pictures, one after the other; results come in order and are not kept."""
        for picture in pictures:
            yield self.detect(picture, exit_scale=exit_scale, gate=gate)


def load(
    weights: str | Path = "default",
    backend: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    max_pixels: int = MAX_PIXELS,
) -> Detector:
    """Load weights into a detector.

    Args:
        weights: a bundled name, a `.safetensors` path, or a folder in the released layout.
        backend: "auto" or "torch", the only one so far.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "mps".
        precision: "auto", "float32" or "bf16".
        max_pixels: larger pictures are refused before they are decoded.

    Raises:
        WeightsError: if the weights cannot be read; the message names them.
        ValueError: for an unknown backend or precision, or a device that is unknown or not there.
    """
    if backend not in ("auto", "torch"):
        raise ValueError(f"backend is auto or torch, not {backend!r}")
    import torch

    from psccnet.inference.backends.pytorch import TorchBackend
    from psccnet.weights import load as load_weights

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    network, card = load_weights(weights)
    return Detector(TorchBackend(network, device, precision), card, max_pixels)
