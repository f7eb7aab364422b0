"""Pictures in, rows out: what a scan does in its own process, in others, and on a cluster."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from psccnet.engine.engine import ExitScale
from psccnet.errors import NotANumberError, PictureError
from psccnet.inference import Detector, Result, load_detector
from psccnet.inference.pipeline import in_order
from psccnet.inference.rendering import levels, png
from psccnet.pictures.decoding import MAX_PIXELS, Admit, Decoded, decode
from psccnet.pictures.whole_files import make_folder, write_whole
from psccnet.scan.item import Item
from psccnet.scan.rows import Row, of_result

Claim = Callable[[bytes, bytes], bool]
"""As `psccnet.scan.keys.Claims.claim`."""


@dataclass(frozen=True)
class Options:
    """How each picture is looked at; of plain values, so that it can be sent to other processes.

    Attributes:
        weights: as of `load_detector`.
        backend: as of `load_detector`.
        device: as of `load_detector`.
        precision: as of `load_detector`.
        max_pixels: larger pictures are refused.
        exit_scale: as of `Detector.detect`.
        gate: as of `Detector.detect`.
        threshold: as of `Detector.detect`.
        evidence: as of `Detector.detect`.
        masks: folder for the masks, PNG with 8 bits; None writes none.
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
        """A detector of these options.

        Raises:
            WeightsError: if the weights cannot be read.
            InputError: if a backend, device or precision is not here.
        """
        return load_detector(self.weights, self.backend, self.device, self.precision, self.max_pixels)

    def key(self, detector: Detector) -> dict[str, Any]:
        """What a scan that goes on must have in common with the one before, by names for people."""
        backend = detector.engine.backend
        return {
            "model": f"{detector.card.name} {detector.card.identity}",
            "computed in": f"{backend.precision} by {backend.name}",
            "threshold": detector.card.threshold if self.threshold is None else self.threshold,
            "exit scale": self.exit_scale,
            "gate": self.gate,
            "evidence": self.evidence,
            "largest picture": self.max_pixels,
            "masks": self.masks is not None,
        }


class _Read(NamedTuple):
    item: Item
    sha256: str
    size: int
    decoded: Decoded | None
    """None where equal bytes are looked at under another name."""


def look(
    items: Iterable[Item], detector: Detector, options: Options, claim: Claim | None = None
) -> Iterator[tuple[Item, Row]]:
    """Look at pictures; the next are read and decoded while one is computed. Rows come in the order of the items.

    Args:
        items: drawn a few ahead.
        detector: of the options.
        options: how.
        claim: where given, bytes that it denies are not computed again, and their row says "same".

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

    def work(one: _Read) -> tuple[_Read, Result | None]:
        if one.decoded is None:
            return one, None
        return one, detector.detect(
            one.decoded,
            masks=(),
            exit_scale=options.exit_scale,
            gate=options.gate,
            threshold=options.threshold,
            evidence=options.evidence,
        )

    def finish(done: tuple[_Read, Result | None]) -> Row:
        one, result = done
        row: Row = {"state": "same", "sha256": one.sha256, "bytes": one.size}
        if result is None:
            return row
        mask = _write_mask(result, one.item, Path(options.masks)) if options.masks is not None else None
        return row | of_result(result) | {"state": "done", "mask": mask}

    for item, outcome in in_order(items, read, work, finish, (PictureError, NotANumberError)):
        if isinstance(outcome, Exception):
            digest = next(iter(getattr(outcome, "__notes__", ())), None)
            yield item, failed(item, str(outcome), digest)
        else:
            yield item, _of(item, outcome)


def failed(item: Item, reason: str, sha256: str | None = None) -> Row:
    """The row of a picture that cannot be looked at."""
    return _of(item, {"state": "failed", "reason": reason, "sha256": sha256})


def _of(item: Item, row: Row) -> Row:
    return row | {"source": item.source, "key": item.key, "done_at": datetime.now(UTC)}


def _write_mask(result: Result, item: Item, folder: Path) -> str:
    """Write the mask below a folder of its first two digits, so that no folder holds a million; its path there."""
    name = item.key.hex()
    path = folder / name[:2] / f"{name}.png"
    make_folder(path.parent)
    write_whole({path: png(levels(result.mask, np.uint8))})
    return f"{name[:2]}/{name}.png"
