"""The parts of the network that runtimes run: modules around those of `psccnet.network`, without layers of their own.

Bilinear sampling at a point reads two rows and two columns of a map. A part that gets only a tile also gets coordinates
for this, which are computed from the whole picture (`psccnet.engine.tiling`).
"""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional

from psccnet.engine.tiling import Span, coordinates
from psccnet.network.bottom_up import modulated
from psccnet.network.folding import fold_batch_norm
from psccnet.network.psccnet import PSCCNet


class Stem(nn.Module):
    """Stem, stage 1 and the first transition: pixels (1, H, W, 3) uint8 to maps of 18 and 36 channels."""

    inputs = ("pixels",)
    outputs = ("fine", "half")

    def __init__(self, network: PSCCNet) -> None:
        super().__init__()
        self.top_down = network.top_down

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Pixels are not scaled: bf16 holds 0..255 exactly, and the first filters are divided by 255 (`prepared`)."""
        picture = pixels.permute(0, 3, 1, 2).to(self.top_down.conv1.weight.dtype)
        return tuple(self.top_down.stem(picture))


def sample(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sample a map, (1, C, h, w), bilinearly at all pairs of `rows` (n,) and `columns` (m,), -1..1: (1, C, n, m)."""
    count = rows.shape[0], columns.shape[0]
    points = columns.unsqueeze(0).expand(count), rows.unsqueeze(1).expand(count)
    # Torch needs the same type for grid and map, and half precision would move the points.
    wide = torch.promote_types(x.dtype, torch.float32)
    grid = torch.stack(points, dim=-1).unsqueeze(0).to(wide)
    sampled = functional.grid_sample(x.to(wide), grid, mode="bilinear", padding_mode="border", align_corners=True)
    return sampled.to(x.dtype)


class Stages(nn.Module):
    """Stages 2 to 4 of a tile, and F_1..F_4 sampled at points.

    The last fusion is computed only where it is sampled. Inputs, and the same for columns:

    - `rows1`: indices of the rows of F_1 to read, an upper and a lower one for each point;
    - `shares_rows1`: the weights of these rows;
    - `rows1in2`: positions of these rows in the map of scale 2;
    - `every_rows1in2`: positions of all rows of scale 1 in the map of scale 2.
    """

    inputs = (
        "fine",
        "half",
        *(name for axis in ("rows", "columns") for name in coordinates(axis, Span(0, 8, 0, 8), 8, grid=32)[1]),
    )
    outputs = tuple(f"feature{scale}" for scale in range(1, 5))

    def __init__(self, network: PSCCNet) -> None:
        super().__init__()
        self.top_down = network.top_down

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Maps (1, C, h, w) and coordinates to F_1..F_4 at the points, (1, C, n, m) each."""
        named = dict(zip(self.inputs, inputs, strict=True))

        def everywhere(x: Tensor, target: int, source: int, like: Tensor) -> Tensor:
            del like
            pair = f"{target + 1}in{source + 1}"
            return sample(x, named[f"every_rows{pair}"], named[f"every_columns{pair}"]) if source > target else x

        def at_points(x: Tensor, target: int, source: int, like: Tensor) -> Tensor:
            del like
            if source <= target:
                rows, columns = named[f"rows{target + 1}"], named[f"columns{target + 1}"]
                return x.index_select(2, rows).index_select(3, columns)
            pair = f"{target + 1}in{source + 1}"
            return sample(x, named[f"rows{pair}"], named[f"columns{pair}"])

        maps = self.top_down.fuse([named["fine"], named["half"]], everywhere, at_points)
        sampled = []
        for scale, x in enumerate(maps, start=1):
            weighted = x * named[f"shares_rows{scale}"].to(x.dtype) * named[f"shares_columns{scale}"].to(x.dtype)
            sampled.append(4 * functional.avg_pool2d(weighted, 2))
        return tuple(sampled)


class Scale(nn.Module):
    """The mask logits (1, 1, h, w) of one scale, from its feature and the logits of the coarser mask (Eq. 1)."""

    def __init__(self, network: PSCCNet, scale: int) -> None:
        super().__init__()
        self.inputs = (f"feature{scale}",) if scale == 4 else (f"feature{scale}", f"logits{scale + 1}")
        self.outputs = (f"logits{scale}",)
        self.estimator = getattr(network.bottom_up, f"scale{scale}")

    def forward(self, feature: Tensor, coarser: Tensor | None = None) -> Tensor:
        """Feature (1, C, h, w) and coarser logits (1, 1, h/2, w/2) to logits."""
        logits: Tensor = self.estimator(modulated(feature, coarser))
        return logits


class Detection(nn.Module):
    """The score (1,), from the inputs of the detection head: the features, or the logits of its mask."""

    outputs = ("score",)

    def __init__(self, network: PSCCNet) -> None:
        super().__init__()
        self.head = network.detection_head
        mask_scale = self.head.mask_scale
        self.inputs = (f"logits{mask_scale}",) if mask_scale else tuple(f"feature{scale}" for scale in range(1, 5))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Features or mask logits to the score, 0..1."""
        detected = self.head([], inputs[0]) if self.head.mask_scale else self.head(list(inputs), None)
        return torch.softmax(detected.logits.float(), dim=1)[:, 1]


class Whole(nn.Module):
    """The network in one piece: pixels (B, H, W, 3) uint8 to score (B,) and masks (B, 1, h, w), probabilities."""

    inputs = ("pixels",)
    outputs = ("score", *(f"mask{scale}" for scale in range(1, 5)))

    def __init__(self, network: PSCCNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        picture = pixels.permute(0, 3, 1, 2).to(self.network.top_down.conv1.weight.dtype)
        prediction = self.network(picture)
        score = torch.softmax(prediction.detection_logits.float(), dim=1)[:, 1]
        return score, *(torch.sigmoid(logits.float()) for logits in prediction.mask_logits)


Part = Stem | Stages | Scale | Detection | Whole


def prepared(network: PSCCNet, dtype: torch.dtype = torch.float32) -> PSCCNet:
    """A copy for inference: batch norm is folded in double precision, the first filters are divided by 255."""
    copied = fold_batch_norm(deepcopy(network).cpu().double().eval())
    with torch.no_grad():
        copied.top_down.conv1.weight /= 255
    return copied.to(dtype).requires_grad_(False)


def parts(network: PSCCNet) -> dict[str, Part]:
    """The parts that the engine runs, by name.

    Args:
        network: from `prepared`.
    """
    scales = {f"scale{scale}": Scale(network, scale) for scale in range(4, 0, -1)}
    return {"stem": Stem(network), "stages": Stages(network), **scales, "detection": Detection(network)}
