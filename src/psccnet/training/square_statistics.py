"""Train the network behind the trace of square statistics, on written synthetic pictures (`psccnet synthesize`)."""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from psccnet.datasets.entry import Entry
from psccnet.engine.convert import OPSET
from psccnet.errors import InputError
from psccnet.evidence.square_statistics.card import SquareCard
from psccnet.evidence.square_statistics.features import FREQUENCIES, MEASURES, SQUARE, Features, as_stored, measure
from psccnet.evidence.square_statistics.trace import compiled, judged, strength
from psccnet.inference.calibrating import FEWEST
from psccnet.metrics import auc
from psccnet.network.square_statistics import SquareStatistics
from psccnet.pictures.decoding import decode
from psccnet.version import __version__
from psccnet.weights.calibration import Calibration

CROPS = (28, 48)
"""Sides of the crops, in squares: drawn from the first to the second."""
BATCH = 8
RATE = 3e-3
"""Highest learning rate; it rises over a tenth of the steps and falls to nothing (AdamW)."""
FORGED, PRISTINE = 0.7, 0.05
"""Share of forged pixels above, and below, which a square is one or the other; what lies between teaches nothing."""
FORGED_WEIGHT = 2.0
"""Of a forged square in the loss; there are fewer of them."""
CALIBRATED_CROPS = (128, 256, 384)
"""Sides of the crops for the calibration, in pixels."""


@dataclass(frozen=True)
class Example:
    """A picture that was measured once.

    Attributes:
        features: what was measured; measures as float16, for memory's sake.
        forged: (h, w) float16, the share of each square that is forged.
    """

    features: Features
    forged: NDArray[np.float16]


def example(entry: Entry) -> Example:
    """Measure a picture with ground truth; both lie as in the file.

    Raises:
        PictureError: if picture or mask cannot be read.
    """
    sample = entry.read()
    found = measure(sample.image, Path(entry.image).read_bytes(), sample.orientation)
    truth = np.zeros(sample.image.shape[:2], bool) if sample.mask is None else sample.mask
    height, width = found.coefficients.shape[1:]
    whole = as_stored(truth, sample.orientation)[: height * SQUARE, : width * SQUARE].astype(np.float32)
    shares = whole.reshape(height, SQUARE, width, SQUARE).mean((1, 3))
    small = replace(found, measures=found.measures.astype(np.float16))
    return Example(small, shares.astype(np.float16))


def examples(entries: Sequence[Entry], workers: int) -> Iterator[Example]:
    """Measure pictures in several processes, in order."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(example, entries, chunksize=16)


def train(
    known: Sequence[Example], steps: int, seed: int = 0, shown: Callable[[range], Iterable[int]] = iter
) -> tuple[SquareStatistics, list[float]]:
    """Train on measured pictures: crops, mirrored as often as not, eight at a time.

    Args:
        known: forged and untouched pictures whose classes end in the same encodings.
        steps: of the optimiser; 4,000 take 20 minutes on two cores.
        seed: of everything that is drawn.
        shown: passes the steps on, and may show how many are done.

    Returns:
        The network, and the loss of each step.

    Raises:
        InputError: if the pictures have no forged square, or all are too small.
    """
    large = [one for one in known if min(one.forged.shape) >= CROPS[0]]
    if not any((one.forged > FORGED).any() for one in large):
        raise InputError(
            f"no forged square in a picture of at least {CROPS[0] * SQUARE} x {CROPS[0] * SQUARE} pixels:"
            " give forged pictures with masks, such as psccnet synthesize --size 384 writes"
        )
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = SquareStatistics(*_spread(large), len(FREQUENCIES))
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    rng.shuffle(large)
    large.sort(key=lambda one: min(one.forged.shape))  # pictures of about the same size share a batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, max(steps, 2), pct_start=0.1)
    curve = []
    for _ in shown(range(steps)):
        *inputs, forged = _batch(large, rng)
        logits = network(*inputs)
        weights = torch.where(forged > FORGED, FORGED_WEIGHT, (forged < PRISTINE).float())
        losses = functional.binary_cross_entropy_with_logits(logits, (forged > FORGED).float(), reduction="none")
        loss = (losses * weights).sum() / weights.sum().clamp(min=1)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        curve.append(loss.item())
    return network.eval(), curve


def pixel_auc(graph: bytes, known: Sequence[Example]) -> float:
    """Mean over forged pictures of the AUC over squares; those that are partly forged count by their larger part."""
    network, found = compiled(graph), []
    for one in known:
        truth = one.forged >= 0.5
        if truth.any() and not truth.all():
            features = replace(one.features, measures=one.features.measures.astype(np.float32))
            found.append(auc(judged(features, network), truth))
    return float(np.mean(found)) if found else float("nan")


def as_graph(network: SquareStatistics) -> bytes:
    """The network as an ONNX file for one picture of any size."""
    stream = io.BytesIO()
    squares = {2: "height", 3: "width"}
    count, frequencies = len(network.means), len(network.embedding)
    example_inputs = (
        torch.zeros(1, frequencies, 20, 30, dtype=torch.int8),
        torch.zeros(1, frequencies, 20, 30),
        torch.ones(1, frequencies),
        torch.ones(1),
        torch.zeros(1, count, 20, 30),
    )
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter warns that it is deprecated
        torch.onnx.export(
            network.eval(),
            example_inputs,
            stream,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=list(network.inputs),
            output_names=list(network.outputs),
            dynamic_axes={
                "coefficients": squares,
                "peaks": squares,
                "measures": squares,
                "logits": {1: "height", 2: "width"},
            },
        )
    return stream.getvalue()


def _spread(known: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each measure, over some squares of all pictures."""
    some = np.concatenate([one.features.measures.reshape(len(one.features.measures), -1)[:, ::37] for one in known], 1)
    some = some.astype(np.float32)
    return torch.from_numpy(some.mean(1)), torch.from_numpy(some.std(1) + np.float32(1e-3))


def _batch(known: Sequence[Example], rng: np.random.Generator) -> list[Tensor]:
    """Crops of one size, of pictures near each other in `known`: inputs of the network, shares of forged pixels.

    Args:
        known: in ascending order of their shorter sides.
        rng: source of randomness.
    """
    middle, reach = int(rng.integers(len(known))), max(BATCH, len(known) // 8)
    near = known[max(0, middle - reach) : middle + reach]
    drawn = [near[index] for index in rng.integers(0, len(near), BATCH)]
    longest = min(CROPS[1], *(min(one.forged.shape) for one in drawn))
    high, wide = (int(side) for side in rng.integers(CROPS[0], longest + 1, 2))
    crops = []
    for one in drawn:
        down, across = (
            int(rng.integers(0, have - want + 1)) for have, want in zip(one.forged.shape, (high, wide), strict=True)
        )
        window = (..., slice(down, down + high), slice(across, across + wide))
        found = one.features
        cut = replace(found, coefficients=found.coefficients[window], measures=found.measures[window])
        forged = one.forged[window]
        for axis in (0, 1):
            if rng.random() < 0.5:
                cut, forged = mirrored(cut, axis), np.flip(forged, axis)
        crops.append((*_tensors(cut), torch.from_numpy(np.ascontiguousarray(forged, np.float32))))
    return [torch.stack(values) for values in zip(*crops, strict=True)]


def mirrored(features: Features, axis: int) -> Features:
    """What would have been measured in the mirrored picture: along axis 0 (upside down) or 1.

    The picture's sides must be multiples of 8. Errors of one more compression are taken to be alike.
    """
    odd = np.array([at[axis] % 2 for at in FREQUENCIES])
    signs = np.where(odd, -1, 1).astype(np.int8)[:, None, None]
    measures = np.flip(features.measures, axis + 1).copy()
    phases = slice(1 + (axis == 0), 2 * SQUARE + 1, 2)  # columns' phases are mirrored along the rows, and rows' down
    measures[phases] = measures[phases][::-1].copy()
    measures[MEASURES.index("lattice")] *= -1  # an even number of pixels: the chessboard's colours change places
    return replace(features, coefficients=np.flip(features.coefficients, axis + 1) * signs, measures=measures)


def _tensors(features: Features) -> tuple[Tensor, ...]:
    """The network's inputs for one picture, without the axis of batches."""
    return (
        torch.from_numpy(np.ascontiguousarray(features.coefficients)),
        torch.from_numpy(features.on_peaks()),
        torch.from_numpy(features.steps),
        torch.tensor(float(features.jpeg)),
        torch.from_numpy(np.ascontiguousarray(features.measures, np.float32)),
    )


def card_of(known: Sequence[Example], steps: int, trained_on: str, pixel_auc: float | None) -> SquareCard:
    """The card of a network that was just trained; it is not calibrated."""
    return SquareCard(
        trained_on=trained_on,
        pictures=len(known),
        steps=steps,
        measures=MEASURES,
        pixel_auc=pixel_auc,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        psccnet_version=__version__,
    )


def calibrated(
    graph: bytes, photographs: Sequence[Path], shown: Callable[[Sequence[Path]], Iterable[Path]] = iter
) -> Calibration:
    """Measure how strong the trace is in untouched photographs: whole and cropped, as they are and saved once more.

    Args:
        graph: the network.
        photographs: untouched, and none that the network saw in training.
        shown: passes the photographs on, and may show how many are done.

    Raises:
        InputError: if there are fewer than 40.
        PictureError: if one cannot be read.
    """
    check_enough(photographs)
    network = compiled(graph)
    scored = []
    for path in shown(photographs):
        for pixels, data in _views(path):
            scored.append((min(pixels.shape[:2]), strength(judged(measure(pixels, data), network))))
    return Calibration.from_scores(scored, f"{len(photographs)} photographs, whole and cropped, also saved once more")


def check_enough(photographs: Sequence[Path]) -> None:
    """Refuse photographs that are too few for a calibration, before a training that would be lost.

    Raises:
        InputError: if there are fewer than 40.
    """
    if len(photographs) < FEWEST:
        raise InputError(f"{len(photographs)} photographs are too few; a calibration needs {FEWEST} at least.")


def _views(path: Path) -> Iterator[tuple[NDArray[np.uint8], bytes | None]]:
    """A photograph as it is stored, crops of it, and all of them saved once more; drawn by its bytes alone."""
    decoded = decode(path)
    data, pixels = decoded.data, decoded.pixels
    rng = np.random.default_rng(int(decoded.sha256[:16], 16))
    if decoded.orientation == 1:
        yield pixels, data
    height, width = pixels.shape[:2]
    for side in (max(height, width), *(side for side in CALIBRATED_CROPS if side < min(height, width))):
        top, left = (int(rng.integers(0, max(0, have - side) + 1)) for have in (height, width))
        cut = np.ascontiguousarray(pixels[top : top + side, left : left + side])
        yield cut, None
        quality, subsampling = int(rng.integers(70, 99)), int(rng.choice([0, 2]))
        stream = io.BytesIO()
        Image.fromarray(cut).save(stream, "jpeg", quality=quality, subsampling=subsampling)
        with Image.open(stream) as again:
            yield np.asarray(again.convert("RGB")), stream.getvalue()
