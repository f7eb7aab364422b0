"""The network cut into the parts that a runtime is given: modules around those of `psccnet.network`, with no layer of
their own.

Bilinear sampling at a point reads two rows and two columns of a map. Where a part sees a tile only, it is told what to
read by coordinates that come from the whole picture (`psccnet.engine.tiling`).
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
        """0..255 go in as they are, which bf16 holds exactly; the first filters divide."""
        picture = pixels.permute(0, 3, 1, 2).to(self.top_down.conv1.weight.dtype)
        return tuple(self.top_down.stem(picture))


def sample(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sample (1, C, h, w) bilinearly where `rows` (n,) and `columns` (m,) cross; -1 and 1 are its outermost points."""
    count = rows.shape[0], columns.shape[0]
    points = columns.unsqueeze(0).expand(count), rows.unsqueeze(1).expand(count)
    # Of grid and map, torch wants one type, and half precision would move the points.
    wide = torch.promote_types(x.dtype, torch.float32)
    grid = torch.stack(points, dim=-1).unsqueeze(0).to(wide)
    sampled = functional.grid_sample(x.to(wide), grid, mode="bilinear", padding_mode="border", align_corners=True)
    return sampled.to(x.dtype)


class Stages(nn.Module):
    """Stages 2 to 4 of a tile and the sampling of F_1..F_4 at points, without F_1..F_4 ever being whole.

    Only at those points the last fusion is computed: `rows1` are the numbers of the rows of F_1 that are read, upper
    and lower in turn, `shares_rows1` what they count, `rows1in2` where they lie in the map of scale 2;
    `every_rows1in2` says that of all rows of scale 1. Likewise columns.
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
        """Maps (1, C, h, w) and coordinates to the points of F_1..F_4, (1, C, n, m) each."""
        of = dict(zip(self.inputs, inputs, strict=True))

        def everywhere(x: Tensor, target: int, source: int, like: Tensor) -> Tensor:
            del like
            pair = f"{target + 1}in{source + 1}"
            return sample(x, of[f"every_rows{pair}"], of[f"every_columns{pair}"]) if source > target else x

        def at_points(x: Tensor, target: int, source: int, like: Tensor) -> Tensor:
            del like
            if source <= target:
                rows, columns = of[f"rows{target + 1}"], of[f"columns{target + 1}"]
                return x.index_select(2, rows).index_select(3, columns)
            pair = f"{target + 1}in{source + 1}"
            return sample(x, of[f"rows{pair}"], of[f"columns{pair}"])

        maps = self.top_down.fuse([of["fine"], of["half"]], everywhere, at_points)
        sampled = []
        for scale, x in enumerate(maps, start=1):
            weighted = x * of[f"shares_rows{scale}"].to(x.dtype) * of[f"shares_columns{scale}"].to(x.dtype)
            sampled.append(4 * functional.avg_pool2d(weighted, 2))
        return tuple(sampled)


class Scale(nn.Module):
    """The mask logits (1, 1, h, w) of one scale, from its feature and the logits of the mask before (Eq. 1)."""

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
    """The score (1,), from what the detection head reads: the features, or the logits of its mask."""

    outputs = ("score",)

    def __init__(self, network: PSCCNet) -> None:
        super().__init__()
        self.head = network.detection_head
        read = self.head.mask_scale
        self.inputs = (f"logits{read}",) if read else tuple(f"feature{scale}" for scale in range(1, 5))

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
    """A copy for inference: batch norm folded in double precision, the first filters for pixels of 0..255."""
    copied = fold_batch_norm(deepcopy(network).cpu().double().eval())
    with torch.no_grad():
        copied.top_down.conv1.weight /= 255
    return copied.to(dtype).requires_grad_(False)


def parts(network: PSCCNet) -> dict[str, Part]:
    """The parts that the engine runs one after the other, by name.

    Args:
        network: what `prepared` made.
    """
    scales = {f"scale{scale}": Scale(network, scale) for scale in range(4, 0, -1)}
    return {"stem": Stem(network), "stages": Stages(network), **scales, "detection": Detection(network)}
