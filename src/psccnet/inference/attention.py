"""Which places the Spatio-Channel Correlation Module (SCCM) relates a pixel to (Fig. 9), without torch.

The module's inputs are recorded during a detection. `psccnet.experiments.sccm_responses` computes the same with the
network's own modules; a test compares the two.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psccnet.engine.backends import Array
from psccnet.engine.engine import Engine
from psccnet.errors import InputError
from psccnet.network.architecture import RATIOS, Architecture
from psccnet.pictures.resampling import resample
from psccnet.weights.reading import inside, read, resolve

Map = NDArray[np.float32]


@contextmanager
def watched(engine: Engine) -> Iterator[dict[int, Map]]:
    """Record the inputs of the SCCMs while the engine runs; yield a dictionary scale -> X (C, h, w), Eq. 1.

    Do not use it while other threads use the same engine.
    """
    found: dict[int, Map] = {}

    def keep(part: str, inputs: Mapping[str, Array], seconds: float) -> None:
        if before is not None:
            before(part, inputs, seconds)
        if part.startswith("scale"):
            scale = int(part.removeprefix("scale"))
            given = {name: engine.backend.get(value)[0] for name, value in inputs.items()}
            found[scale] = _modulated(given[f"feature{scale}"], given.get(f"logits{scale + 1}"))

    before, engine.observer = engine.observer, keep
    try:
        yield found
    finally:
        engine.observer = before


def _modulated(feature: Map, coarser_logits: Map | None) -> Map:
    """X_n of Eq. 1: the feature (C, h, w) times the upsampled mask of the coarser scale (1, h/2, w/2)."""
    if coarser_logits is None:
        return feature
    mask = (0.5 * (1 + np.tanh(0.5 * coarser_logits[0]))).astype(np.float32)
    made: Map = feature * resample(mask, *feature.shape[1:])
    return made


class Attention:
    """The SCCMs of the four scales of trained weights.

    Args:
        weights: a bundled name, a `.safetensors` file, or a folder of quantized parts.

    Raises:
        WeightsError: if they cannot be read.
        InputError: if their spatial attention cannot be shown as a map of the picture; see `check`.
    """

    def __init__(self, weights: str | Path) -> None:
        path = inside(resolve(weights))
        if path.is_dir():
            raise InputError("the released network's h mixes rows: its attention has no map; use weights of `paper`")
        tensors, card = read(path, "np")
        check(card.architecture)
        self.architecture = card.architecture
        self._tensors = {key: value.astype(np.float32) for key, value in tensors.items() if ".sccm." in key}

    def spatial(self, x: Map, scale: int, point: tuple[float, float]) -> Map:
        """The row of A_s (Eq. 2) for the token that contains a point.

        Args:
            x: (C, h, w), as recorded by `watched` for this scale.
            scale: 1..4.
            point: (x, y) as fractions of the picture's width and height, at least 0 and below 1.

        Returns:
            (h / r, w / r); the values sum to 1.
        """
        tokens, (rows, columns) = self._tokens(x, scale)
        token = int(point[1] * rows) * columns + int(point[0] * columns)
        theta = self._layer("theta", scale, tokens[:, token : token + 1])
        phi = self._layer("phi", scale, tokens)
        logits = (theta.T @ phi)[0]
        shares = np.exp(logits - logits.max())
        row: Map = (shares / shares.sum()).reshape(rows, columns).astype(np.float32)
        return row

    def channel(self, x: Map, scale: int) -> Map:
        """Y_c of Eq. 3, the output of channel-wise attention; it has the shape of X.

        Raises:
            InputError: if these weights have no such attention.
        """
        if self.architecture.attention != "both":
            raise InputError("these weights have no channel-wise attention")
        tokens, (rows, columns) = self._tokens(x, scale)
        own = "" if self.architecture.shared_embedding else "_channel"
        theta, phi = (self._layer(f"{name}{own}", scale, tokens) for name in ("theta", "phi"))
        logits = theta.astype(np.float64) @ phi.T  # sums over all tokens are large
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        product = (shares / shares.sum(axis=1, keepdims=True)).T @ self._layer("g", scale, tokens)
        ratio = RATIOS[scale - 1]
        blocks = product.reshape(x.shape[0], ratio, ratio, rows, columns)
        return np.ascontiguousarray(blocks.transpose(0, 3, 1, 4, 2).reshape(x.shape)).astype(np.float32)

    def _tokens(self, x: Map, scale: int) -> tuple[Map, tuple[int, int]]:
        """The function h: (C, h, w) to columns, one token per block of r x r; and the rows and columns of blocks."""
        ratio = RATIOS[scale - 1]
        channels, height, width = x.shape
        rows, columns = height // ratio, width // ratio
        blocks = x.reshape(channels, rows, ratio, columns, ratio).transpose(0, 2, 4, 1, 3)
        return blocks.reshape(channels * ratio * ratio, rows * columns), (rows, columns)

    def _layer(self, name: str, scale: int, tokens: Map) -> Map:
        key = f"bottom_up.scale{scale}.sccm.{name}"
        made: Map = self._tensors[f"{key}.weight"][:, :, 0, 0] @ tokens + self._tensors[f"{key}.bias"][:, None]
        return made


def check(architecture: Architecture) -> None:
    """Check that the spatial attention of a network can be shown as a map of the picture.

    Raises:
        InputError: if it cannot.
    """
    if architecture.attention not in ("both", "spatial"):
        raise InputError(
            f"these weights have {architecture.attention} attention; only spatial attention can be shown as a map"
        )
    if architecture.variant == "released":
        raise InputError("the released network's h mixes rows: its attention has no map; use weights of `paper`")
