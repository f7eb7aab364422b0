"""The top-down path: the light-weight HRNet that yields features on four scales (Section III-A.1).

Attribute names are those of the HRNet reference implementation, so that its checkpoints and the
released PSCC-Net weights map onto this module key by key.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from psccnet.network.architecture import CHANNELS, Stem

BATCH_NORM_MOMENTUM = 0.01


def resample(x: Tensor, size: Sequence[int]) -> Tensor:
    """Resize maps bilinearly with aligned corners, as everywhere in the released network.

    Args:
        x: (B, C, H, W), floating.
        size: target (height, width).

    Returns:
        (B, C, height, width); `x` itself where the size already fits (the resampling is then exact).
    """
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return functional.interpolate(x, size=list(size), mode="bilinear", align_corners=True)


def pad_to_even(picture: Tensor) -> Tensor:
    """Repeat the last row and column but one of pictures (B, C, H, W) with odd sides, as a mirror would."""
    height, width = picture.shape[-2:]
    rows, columns = (torch.arange(side + side % 2, device=picture.device) for side in (height, width))
    # Positions past the edge go back by two; where there is one row or column only, that one is repeated.
    rows, columns = (torch.where(at < side, at, at - 2).clamp(min=0) for at, side in ((rows, height), (columns, width)))
    return picture.index_select(2, rows).index_select(3, columns)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with the released momentum (0.01) and eps (1e-5)."""
    return nn.BatchNorm2d(channels, momentum=BATCH_NORM_MOMENTUM)


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1, relu: bool = True) -> list[nn.Module]:
    """A convolution without bias, batch norm and, if wanted, a ReLU, as a list for `nn.Sequential`."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    layers: list[nn.Module] = [conv, batch_norm(outputs)]
    return [*layers, nn.ReLU(inplace=True)] if relu else layers


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with an identity short cut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = batch_norm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = batch_norm(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to the same shape."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + x)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with a short cut that is projected where the channels change."""

    def __init__(self, inputs: int, planes: int, expansion: int) -> None:
        super().__init__()
        outputs = planes * expansion
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = batch_norm(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = batch_norm(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = batch_norm(outputs)
        self.relu = nn.ReLU(inplace=True)
        projection = nn.Sequential(*conv_bn(inputs, outputs, 1, relu=False))
        self.downsample = projection if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, planes * expansion, H, W)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bring(Protocol):
    """How a fusion brings a map to the size of the scale that it is added to; scales are numbered from 0."""

    def __call__(self, x: Tensor, target: int, source: int, like: Tensor) -> Tensor:
        """The map `x` of the scale `source`, (B, C, h, w), where `like` lies, a map of the scale `target`."""


def upsample(x: Tensor, target: int, source: int, like: Tensor) -> Tensor:
    """Coarser maps are resampled to the size of the target's; finer ones have it by their strided convolutions."""
    return resample(x, like.shape[-2:]) if source > target else x


class FusionModule(nn.Module):
    """Parallel branches of two basic blocks each, then the dense exchange between all scales."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(BasicBlock(c), BasicBlock(c)) for c in channels)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self._path(channels, source, target) for source in range(len(channels)))
            for target in range(len(channels))
        )

    @staticmethod
    def _path(channels: Sequence[int], source: int, target: int) -> nn.Module:
        """The layers that bring the map of scale `source` to the channels (and down to the size) of `target`."""
        if source == target:
            return nn.Identity()
        if source > target:
            return nn.Sequential(*conv_bn(channels[source], channels[target], 1, relu=False))
        width = channels[source]
        steps = [nn.Sequential(*conv_bn(width, width, 3, stride=2)) for _ in range(target - source - 1)]
        last = nn.Sequential(*conv_bn(width, channels[target], 3, stride=2, relu=False))
        return nn.Sequential(*steps, last)

    def forward(self, features: list[Tensor], bring: Bring = upsample) -> list[Tensor]:
        """Maps of each scale, finest first, to maps of the same shapes, or of those that `bring` makes."""
        branched = [branch(x) for branch, x in zip(self.branches, features, strict=True)]
        fused = []
        for target, paths in enumerate(self.fuse_layers):
            assert isinstance(paths, nn.ModuleList)
            terms = [
                bring(path(x), target, source, branched[target])
                for source, (path, x) in enumerate(zip(paths, branched, strict=True))
            ]
            total = terms[0]
            for term in terms[1:]:
                total = total + term
            fused.append(torch.relu(total))
        return fused


class HRNet(nn.Module):
    """HRNet-W18-small-v2 with a stem of stride 1 and one module a stage.

    Args:
        stem: "full" is the paper's: its two convolutions have stride 1, so F_1 is as large as the picture;
            2,028,572 parameters. "unshuffled" first makes each 2 x 2 pixels one of 12 channels, so that all maps have
            half the size, at a quarter of the arithmetic; no value is lost, and the phases of colour filter arrays
            and of halved chroma become channels of their own.
    """

    def __init__(self, stem: Stem = "full") -> None:
        super().__init__()
        self.unshuffled = stem == "unshuffled"
        self.conv1 = nn.Conv2d(12 if self.unshuffled else 3, 64, 3, padding=1, bias=False)
        self.bn1 = batch_norm(64)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.bn2 = batch_norm(64)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(Bottleneck(64, 64, 4), Bottleneck(256, 64, 4))
        c1, c2, c3, c4 = CHANNELS
        self.transition1 = nn.ModuleList(
            [
                nn.Sequential(*conv_bn(256, c1, 3)),
                nn.Sequential(nn.Sequential(*conv_bn(256, c2, 3, stride=2))),
            ]
        )
        self.stage2 = nn.Sequential(FusionModule(CHANNELS[:2]))
        self.transition2 = self._new_scale(c2, c3, 2)
        self.stage3 = nn.Sequential(FusionModule(CHANNELS[:3]))
        self.transition3 = self._new_scale(c3, c4, 3)
        self.stage4 = nn.Sequential(FusionModule(CHANNELS))

    @staticmethod
    def _new_scale(inputs: int, outputs: int, index: int) -> nn.ModuleList:
        """A list with the new coarsest scale's convolution at `index`; the scales before it pass as they are."""
        layer = nn.Sequential(nn.Sequential(*conv_bn(inputs, outputs, 3, stride=2)))
        return nn.ModuleList([nn.Identity() for _ in range(index)] + [layer])

    def stem_modules(self) -> list[nn.Module]:
        """The modules that `stem` runs."""
        return [self.conv1, self.bn1, self.conv2, self.bn2, self.layer1, self.transition1]

    def stem(self, picture: Tensor) -> list[Tensor]:
        """Stem, stage 1 and the first transition: all that has 64 to 256 channels at full resolution.

        Args:
            picture: (B, 3, H, W), RGB in 0..1, no mean taken off; H and W even where the stem is unshuffled.

        Returns:
            (B, 18, H, W) and (B, 36, H/2, W/2), sizes rounded up; half of that each where the stem is unshuffled.
        """
        if self.unshuffled:
            picture = functional.pixel_unshuffle(picture, 2)
        # Half precision would round a picture in 0..1 by up to half a grey level, which is what forgeries differ by.
        with torch.autocast(picture.device.type, enabled=False):
            x = self.relu(self.bn1(self.conv1(picture)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.layer1(x)
        return [transition(x) for transition in self.transition1]

    def fuse(self, maps: list[Tensor], bring: Bring = upsample, bring_last: Bring = upsample) -> list[Tensor]:
        """Stages 2 to 4.

        Args:
            maps: what `stem` returns.
            bring: how the fusions of stages 2 and 3 bring maps together.
            bring_last: likewise of stage 4, whose maps are only sampled afterwards.

        Returns:
            F_1..F_4: (B, 18, H, W), (B, 36, H/2, W/2), (B, 72, H/4, W/4), (B, 144, H/8, W/8), sizes rounded up;
            half of that each where the stem is unshuffled.
        """
        features: list[Tensor] = self.stage2[0](maps, bring)
        features = self.stage3[0]([*features, self.transition2[-1](features[-1])], bring)
        features = self.stage4[0]([*features, self.transition3[-1](features[-1])], bring_last)
        return features

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Extract the features of the four scales, F_1..F_4, from pictures (B, 3, H, W) in 0..1."""
        return self.fuse(self.stem(pad_to_even(picture) if self.unshuffled else picture))
