"""ManTra-Net (Wu, AbdAlmageed and Natarajan, CVPR 2019), one of the paper's rivals, with the weights that people have.

The network of its public PyTorch port: manipulation-trace features from three kinds of first filters, then local
anomaly detection by deviations from window means, read by a convolutional LSTM. A picture of any size is computed in
tiles that overlap by all that a pixel of the mask sees: memory stays bounded, the answer is that of the whole picture.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from psccnet.evaluation.comparators.base import Localization, Question
from psccnet.pictures.sample import Picture
from psccnet.weights.card import sha256
from psccnet.weights.states import check_state, read_state

CHANNELS = (16, 32, 64, 64, 128, 128, 128, 256, 256, 256, 256, 256, 256)
WINDOWS = (7, 15, 31)
HIDDEN = 8
FEATURE_HALO = 2 + len(CHANNELS) - 1
"""Pixels around a feature that it is computed from."""
HALO = FEATURE_HALO + WINDOWS[-1] // 2 + (len(WINDOWS) + 1) * 3 + 3
"""Pixels around a value of the mask that it is computed from: features, windows, four LSTM steps, last filter."""
CORE = 320
"""Side of the tiles without their halo: 256 channels at full resolution take 1 kB a pixel and layer."""
EPSILON = 0.001


class TraceFeatures(nn.Module):
    """Manipulation-trace features: (B, 3, H, W) in -1..1 to (B, 256, H, W) of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.init_conv = nn.Conv2d(3, 4, 5, bias=False)
        self.BayarConv2D = nn.Conv2d(3, 3, 5, bias=False)
        self.SRMConv2D = nn.Conv2d(3, 9, 5, bias=False)
        layers: list[nn.Module] = []
        for given, made in pairwise(CHANNELS):
            layers += [nn.Conv2d(given, made, 3), nn.ReLU()]
        self.middle_and_last_block = nn.ModuleList(layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = _symmetric(x, 2)
        bayar = F.conv2d(x, self._bayar())
        x = torch.cat([self.init_conv(x), self.SRMConv2D(x), bayar], 1).relu()
        for layer in self.middle_and_last_block:
            x = layer(_symmetric(x, 1)) if isinstance(layer, nn.Conv2d) else layer(x)
        return F.normalize(x, dim=1)

    def _bayar(self) -> Tensor:
        """Constrained filters: the centre predicted by its surroundings, less itself."""
        centre = torch.zeros_like(self.BayarConv2D.weight)
        centre[..., 2, 2] = 1
        around = self.BayarConv2D.weight * (1 - centre)
        return around / around.sum((2, 3), keepdim=True) - centre


class _Cell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(64 + HIDDEN, 4 * HIDDEN, 7, padding=3)


class _ConvLSTM(nn.Module):
    """One layer of a convolutional LSTM with hard sigmoids for gates."""

    def __init__(self) -> None:
        super().__init__()
        self.cell_list = nn.ModuleList([_Cell()])

    def forward(self, steps: list[Tensor]) -> Tensor:
        """The last hidden state of steps (B, 64, H, W)."""
        (layer,) = self.cell_list
        batch, _, height, width = steps[0].shape
        hidden = cell = steps[0].new_zeros(batch, HIDDEN, height, width)
        for step in steps:
            gates = layer.get_submodule("conv")(torch.cat([step, hidden], 1)).split(HIDDEN, 1)
            entry, forget, out = ((0.2 * gates[at] + 0.5).clamp(0, 1) for at in (0, 1, 3))
            cell = forget * cell + entry * gates[2].tanh()
            hidden = out * cell.tanh()
        return hidden


class AnomalyDetector(nn.Module):
    """Local anomaly detection: how far features are from those around them."""

    def __init__(self) -> None:
        super().__init__()
        self.sigma_F = nn.Parameter(torch.zeros(1, 64, 1, 1))
        self.adaptation = nn.Conv2d(256, 64, 1, bias=False)
        self.conv_lstm = _ConvLSTM()
        self.end = nn.Sequential(nn.Conv2d(HIDDEN, 1, 7, padding=3))

    def forward(self, adapted: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """The mask (B, 1, H, W), 0..1.

        Args:
            adapted: (B, 64, H, W), of the features by `adaptation`.
            mean: (1, 64, 1, 1), of `adapted` over the whole picture.
            variance: (1, 64, 1, 1), biased, of the same.
        """
        x = (adapted - mean) / (variance + EPSILON).sqrt()
        # Normalised, the whole picture has mean 0 and this spread.
        spread = torch.maximum((variance / (variance + EPSILON)).sqrt(), self.sigma_F + 1e-6)
        means = [F.avg_pool2d(x, size, 1, size // 2, count_include_pad=False) for size in WINDOWS]
        steps = [(mean - x).abs() / spread for mean in (*means, torch.zeros_like(x))]
        return torch.sigmoid(self.end(self.conv_lstm(steps)))


class ManTraNet(nn.Module):
    """The network; its parameters have the names of the public weight file."""

    def __init__(self) -> None:
        super().__init__()
        self.IMTFE = TraceFeatures()
        self.AnomalyDetector = AnomalyDetector()

    @torch.inference_mode()
    def mask(self, picture: Picture, core: int = CORE) -> NDArray[np.float64]:
        """The mask (H, W) of a picture (H, W, 3) uint8, in 0..1.

        Args:
            picture: RGB.
            core: side of the tiles, in pixels.
        """
        height, width = picture.shape[:2]
        kind = self.AnomalyDetector.sigma_F.dtype
        x = torch.from_numpy(picture).permute(2, 0, 1)[None].to(kind) / 255 * 2 - 1
        total = square = torch.zeros(1, 64, 1, 1, dtype=torch.float64)
        for tile in _tiles(height, width, core, FEATURE_HALO):
            values = tile.inner(self._adapted(x[..., tile.rows, tile.columns])).double()
            total = total + values.sum((2, 3), keepdim=True)
            square = square + values.square().sum((2, 3), keepdim=True)
        mean = total / (height * width)
        variance = (square / (height * width) - mean.square()).clamp_min(0)
        made = np.zeros((height, width))
        for tile in _tiles(height, width, core, HALO):
            adapted = self._adapted(x[..., tile.rows, tile.columns])
            found = self.AnomalyDetector(adapted, mean.to(kind), variance.to(kind))
            made[tile.own_rows, tile.own_columns] = tile.inner(found)[0, 0].numpy()
        return made

    def _adapted(self, x: Tensor) -> Tensor:
        adapted: Tensor = self.AnomalyDetector.adaptation(self.IMTFE(x))
        return adapted


class _Tile:
    """A part of the picture, and the rows and columns around it that it needs."""

    def __init__(self, top: int, left: int, height: int, width: int, core: int, halo: int) -> None:
        bottom, right = min(top + core, height), min(left + core, width)
        self.own_rows, self.own_columns = slice(top, bottom), slice(left, right)
        self.rows = slice(max(0, top - halo), min(height, bottom + halo))
        self.columns = slice(max(0, left - halo), min(width, right + halo))

    def inner(self, values: Tensor) -> Tensor:
        """What of (B, C, h, w) of the tile is its own."""
        top, left = self.own_rows.start - self.rows.start, self.own_columns.start - self.columns.start
        height = self.own_rows.stop - self.own_rows.start
        width = self.own_columns.stop - self.own_columns.start
        return values[..., top : top + height, left : left + width]


def _tiles(height: int, width: int, core: int, halo: int) -> Iterator[_Tile]:
    for top in range(0, height, core):
        for left in range(0, width, core):
            yield _Tile(top, left, height, width, core, halo)


def _symmetric(x: Tensor, by: int) -> Tensor:
    """Pad by the mirror image, the edge pixels included; a picture of fewer pixels is mirrored as often as it takes."""
    for axis in (2, 3):
        size = x.shape[axis]
        places = torch.arange(-by, size + by).remainder(2 * size)
        x = x.index_select(axis, torch.minimum(places, 2 * size - 1 - places))
    return x


class ManTraNetComparator:
    """ManTra-Net as a comparator; its score is the mean of the mask, as the paper scores methods without one.

    Args:
        path: of the public weight file, a plain state dict.

    Raises:
        WeightsError: if the file is no such state dict; the message names it.
    """

    exit_scales = False
    threshold = float("nan")

    name = "mantranet"

    def __init__(self, path: Path) -> None:
        self.network = ManTraNet()
        own = self.network.state_dict()
        found = read_state(path)
        check_state(found, own, path, "give the file of the public PyTorch port, MantraNetv4.pt")
        self.network.load_state_dict(found)
        self.network.eval()
        self.identity = sha256(path)

    def localize(self, question: Question, /) -> Localization:
        """The mask of the picture, and its mean."""
        mask = self.network.mask(question.image).astype(np.float32)
        return Localization(mask, float(mask.mean()))
