"""Turn pictures into rows; the same code runs in the process of a scan, in others, and on a cluster."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from psccnet.engine.engine import ExitScale
from psccnet.errors import NotANumberError, PictureError
from psccnet.evidence import version
from psccnet.inference import Detector, Result, load_detector
from psccnet.inference.pipeline import in_order
from psccnet.inference.rendering import levels, png
from psccnet.pictures.decoding import MAX_PIXELS, Admit, Decoded, decode
from psccnet.pictures.whole_files import make_folder, write_whole
from psccnet.scan.item import Item
from psccnet.scan.rows import Row, of_result

Claim = Callable[[bytes, bytes], bool]
"""See `psccnet.scan.keys.Claims.claim`."""


@dataclass(frozen=True)
class Options:
    """How pictures are examined; plain values, which can be sent to other processes.

    Attributes:
        weights: see `load_detector`.
        backend: see `load_detector`.
        device: see `load_detector`.
        precision: see `load_detector`.
        max_pixels: larger pictures are refused.
        exit_scale: see `Detector.detect`.
        gate: see `Detector.detect`.
        threshold: see `Detector.detect`.
        evidence: see `Detector.detect`.
        masks: folder for masks, as 8-bit PNG; None writes none.
    """

    weights: str = "default"
    backend: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    max_pixels: int = MAX_PIXELS
    exit_scale: ExitScale = 1
    gate: bool = False
    threshold: float | None = None
    evidence: bool = True
    masks: str | None = None

    def detector(self) -> Detector:
        """Make a detector with these options.

        Raises:
            WeightsError: if the weights cannot be read.
            InputError: if a backend, device or precision is not available.
        """
        return load_detector(self.weights, self.backend, self.device, self.precision, self.max_pixels)

    def key(self, detector: Detector) -> dict[str, Any]:
        """What must not change when a scan is resumed, by names for people."""
        backend = detector.engine.backend
        return {
            "model": f"{detector.card.name} {detector.card.identity}",
            "computed in": f"{backend.precision} by {backend.name}",
            "threshold": detector.card.threshold if self.threshold is None else self.threshold,
            "exit scale": self.exit_scale,
            "gate": self.gate,
            "evidence": self.evidence,
            "version of the traces": version() if self.evidence else None,
            "largest picture": self.max_pixels,
            "masks": self.masks is not None,
        }


class _Read(NamedTuple):
    item: Item
    sha256: str
    size: int
    decoded: Decoded | None
    """None if equal bytes are computed under another name."""


def look(
    items: Iterable[Item], detector: Detector, options: Options, claim: Claim | None = None
) -> Iterator[tuple[Item, Row]]:
    """Examine pictures; the next ones are read and decoded while one is computed.

    Args:
        items: the pictures; a few are drawn ahead.
        detector: made by `options`.
        options: how pictures are examined.
        claim: if given, pictures whose bytes it denies are not computed, and the state of their row is "same".

    Yields:
        Each picture with its row, in the order of `items`.

    Raises:
        WriteError: if a mask cannot be written.
    """

    def read(item: Item, admit: Admit) -> _Read:
        data = item.read()
        digest = hashlib.sha256(data).hexdigest()
        try:
            if claim is not None and not claim(bytes.fromhex(digest[:32]), item.key):
                return _Read(item, digest, len(data), None)
            decoded = decode(data, options.max_pixels, item.source, admit=admit)
            return _Read(item, digest, len(data), decoded)
        except PictureError as error:
            error.add_note(digest)
            raise

    def work(picture: _Read) -> tuple[_Read, Result | None]:
        if picture.decoded is None:
            return picture, None
        return picture, detector.detect(
            picture.decoded,
            masks=(),
            exit_scale=options.exit_scale,
            gate=options.gate,
            threshold=options.threshold,
            evidence=options.evidence,
        )

    def finish(done: tuple[_Read, Result | None]) -> Row:
        picture, result = done
        row: Row = {"state": "same", "sha256": picture.sha256, "bytes": picture.size}
        if result is None:
            return row
        mask = _write_mask(result, picture.item, Path(options.masks)) if options.masks is not None else None
        return row | of_result(result) | {"state": "done", "mask": mask}

    for item, outcome in in_order(items, read, work, finish, (PictureError, NotANumberError)):
        if isinstance(outcome, Exception):
            digest = next(iter(getattr(outcome, "__notes__", ())), None)
            yield item, failed(item, str(outcome), digest)
        else:
            yield item, _complete(item, outcome)


def failed(item: Item, reason: str, sha256: str | None = None) -> Row:
    """The row of a picture that cannot be examined."""
    return _complete(item, {"state": "failed", "reason": reason, "sha256": sha256})


def _complete(item: Item, row: Row) -> Row:
    return row | {"source": item.source, "key": item.key, "done_at": datetime.now(UTC)}


def _write_mask(result: Result, item: Item, folder: Path) -> str:
    """Write a mask, and return its path relative to `folder`; 256 subfolders keep folders small."""
    name = item.key.hex()
    path = folder / name[:2] / f"{name}.png"
    make_folder(path.parent)
    write_whole({path: png(levels(result.mask, np.uint8))})
    return f"{name[:2]}/{name}.png"
