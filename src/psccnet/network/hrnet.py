"""The top-down path: the light-weight HRNet with features on four scales (Section III-A.1).

The attributes have the names of the HRNet reference implementation, so that its checkpoints and the released PSCC-Net
weights have the same keys.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from psccnet.network.architecture import CHANNELS, Stem

BATCH_NORM_MOMENTUM = 0.01


def resample(x: Tensor, size: Sequence[int]) -> Tensor:
    """Resize maps bilinearly with aligned corners, as the released network does everywhere.

    Args:
        x: (B, C, H, W), floating.
        size: target (height, width).

    Returns:
        (B, C, height, width); `x` itself if it already has that size.

    Examples:
        >>> resample(torch.tensor([[[[0.0, 1.0]]]]), (1, 3)).tolist()
        [[[[0.0, 0.5, 1.0]]]]
    """
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return functional.interpolate(x, size=list(size), mode="bilinear", align_corners=True)


def pad_to_even(picture: Tensor) -> Tensor:
    """Pad pictures (B, C, H, W) with odd sides by one reflected row or column.

    Examples:
        >>> pad_to_even(torch.zeros(1, 3, 5, 8)).shape
        torch.Size([1, 3, 6, 8])
    """
    height, width = picture.shape[-2:]
    rows, columns = (torch.arange(side + side % 2, device=picture.device) for side in (height, width))
    # A position past the edge is reflected, which is two steps back; a single row or column is repeated.
    rows, columns = (torch.where(at < side, at, at - 2).clamp(min=0) for at, side in ((rows, height), (columns, width)))
    return picture.index_select(2, rows).index_select(3, columns)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with the released momentum (0.01) and eps (1e-5)."""
    return nn.BatchNorm2d(channels, momentum=BATCH_NORM_MOMENTUM)


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1, relu: bool = True) -> list[nn.Module]:
    """A convolution without bias, a batch norm and optionally a ReLU, as a list for `nn.Sequential`."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    layers: list[nn.Module] = [conv, batch_norm(outputs)]
    return [*layers, nn.ReLU(inplace=True)] if relu else layers


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with an identity shortcut."""

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
    """1x1, 3x3 and 1x1 convolutions with a shortcut, which is projected if the number of channels changes."""

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
    """How a fusion resizes a map to the size of the scale that it is added to; scales are numbered from 0."""

    def __call__(self, x: Tensor, target: int, source: int, like: Tensor) -> Tensor:
        """Resize `x`, a map of scale `source`, (B, C, h, w), to the size of `like`, a map of scale `target`."""


def upsample(x: Tensor, target: int, source: int, like: Tensor) -> Tensor:
    """Resample maps of coarser scales; strided convolutions have already given those of finer scales the size."""
    return resample(x, like.shape[-2:]) if source > target else x


class FusionModule(nn.Module):
    """Two basic blocks on each scale, then the sum of all scales on each scale."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(BasicBlock(c), BasicBlock(c)) for c in channels)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self._path(channels, source, target) for source in range(len(channels)))
            for target in range(len(channels))
        )

    @staticmethod
    def _path(channels: Sequence[int], source: int, target: int) -> nn.Module:
        """The layers that give a map of scale `source` the channels of `target`, and the size of a coarser `target`."""
        if source == target:
            return nn.Identity()
        if source > target:
            return nn.Sequential(*conv_bn(channels[source], channels[target], 1, relu=False))
        width = channels[source]
        steps = [nn.Sequential(*conv_bn(width, width, 3, stride=2)) for _ in range(target - source - 1)]
        last = nn.Sequential(*conv_bn(width, channels[target], 3, stride=2, relu=False))
        return nn.Sequential(*steps, last)

    def forward(self, features: list[Tensor], bring: Bring = upsample) -> list[Tensor]:
        """Fuse the maps of all scales, finest first; the shapes stay the same, or become those that `bring` makes."""
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
    """HRNet-W18-small-v2 with a stem of stride 1 and one module per stage.

    Args:
        stem: "full" is the paper's: its two convolutions have stride 1, so F_1 is as large as the picture;
            2,028,572 parameters. "unshuffled" first turns each 2 x 2 pixels into one point of 12 channels. All maps
            then have half the height and width, and the network computes a quarter. No value is lost, and each phase
            of colour filter arrays and of halved chroma has its own channels.
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
        """A list with the convolution of the new, coarsest scale at `index`, and identities for the other scales."""
        layer = nn.Sequential(nn.Sequential(*conv_bn(inputs, outputs, 3, stride=2)))
        return nn.ModuleList([nn.Identity() for _ in range(index)] + [layer])

    def stem_modules(self) -> list[nn.Module]:
        """The modules that `stem` runs."""
        return [self.conv1, self.bn1, self.conv2, self.bn2, self.layer1, self.transition1]

    def stem(self, picture: Tensor) -> list[Tensor]:
        """Stem, stage 1 and the first transition: all layers with 64 to 256 channels at full resolution.

        Args:
            picture: (B, 3, H, W), RGB in 0..1, mean not subtracted; the unshuffled stem needs even H and W.

        Returns:
            (B, 18, H, W) and (B, 36, H/2, W/2), sizes rounded up; half of these with the unshuffled stem.
        """
        if self.unshuffled:
            picture = functional.pixel_unshuffle(picture, 2)
        # Half precision would round a picture in 0..1 by up to half a grey level, as much as traces of forgery.
        with torch.autocast(picture.device.type, enabled=False):
            x = self.relu(self.bn1(self.conv1(picture)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.layer1(x)
        return [transition(x) for transition in self.transition1]

    def fuse(self, maps: list[Tensor], bring: Bring = upsample, bring_last: Bring = upsample) -> list[Tensor]:
        """Stages 2 to 4.

        Args:
            maps: the output of `stem`.
            bring: how the fusions of stages 2 and 3 resize maps.
            bring_last: how the fusion of stage 4 does; its maps are only sampled afterwards.

        Returns:
            F_1..F_4: (B, 18, H, W), (B, 36, H/2, W/2), (B, 72, H/4, W/4), (B, 144, H/8, W/8), sizes rounded up;
            half of these with the unshuffled stem.
        """
        features: list[Tensor] = self.stage2[0](maps, bring)
        features = self.stage3[0]([*features, self.transition2[-1](features[-1])], bring)
        features = self.stage4[0]([*features, self.transition3[-1](features[-1])], bring_last)
        return features

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Extract the features F_1..F_4 (see `fuse`) from pictures (B, 3, H, W), RGB in 0..1."""
        return self.fuse(self.stem(pad_to_even(picture) if self.unshuffled else picture))
