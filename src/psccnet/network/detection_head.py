"""Detection: HRNet's classification head with two classes (Section III-A.2), and ours by the contrast of mask 2."""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from psccnet.network.architecture import CHANNELS, Detection
from psccnet.network.hrnet import Bottleneck, batch_norm

EXPANSION = 2


class Detected(NamedTuple):
    """What a detection head says: logits (B, 2) of (pristine, forged), and its map before pooling, if it has one."""

    logits: Tensor
    evidence: Tensor | None = None


class Head(nn.Module):
    """What every detection head is; `HEADS` lists them.

    Attributes:
        mask_scale: scale of the mask that the head reads, 1..4; None where it reads the features instead.
    """

    mask_scale: int | None = None

    def forward(self, features: list[Tensor], mask_logits: Tensor | None) -> Detected:
        """Detect.

        Args:
            features: F_1..F_4 at their fixed sizes; not read where there is a `mask_scale`.
            mask_logits: (B, 1, h, w) of the mask of `mask_scale`, or None.
        """
        raise NotImplementedError


class DetectionHead(Head):
    """Bottlenecks on each scale, summed downwards, pooled, classified. 919,546 parameters.

    Attribute names are those of the released weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.incre_modules = nn.ModuleList(nn.Sequential(Bottleneck(c, c, EXPANSION)) for c in CHANNELS)
        self.downsamp_modules = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(EXPANSION * fine, EXPANSION * coarse, 3, stride=2, padding=1),
                batch_norm(EXPANSION * coarse),
                nn.ReLU(inplace=True),
            )
            for fine, coarse in pairwise(CHANNELS)
        )
        self.final_layer = nn.Sequential(
            nn.Conv2d(EXPANSION * CHANNELS[-1], 128, 1), batch_norm(128), nn.ReLU(inplace=True)
        )
        self.classifier = nn.Sequential(nn.Linear(128, 16), nn.ReLU(inplace=True), nn.Linear(16, 2))

    def evidence(self, features: list[Tensor]) -> Tensor:
        """The last map before pooling.

        Args:
            features: F_1..F_4 at their fixed sizes, each half the size of the one before.

        Returns:
            (B, 128, h_4, w_4), not negative.
        """
        y = self.incre_modules[0](features[0])
        for deeper, down, feature in zip(self.incre_modules[1:], self.downsamp_modules, features[1:], strict=True):
            y = deeper(feature) + down(y)
        evidence: Tensor = self.final_layer(y)
        return evidence

    def classify(self, evidence: Tensor) -> Tensor:
        """Pool the evidence over the picture and classify it: (B, 128, h, w) to logits (B, 2)."""
        logits: Tensor = self.classifier(evidence.mean(dim=(2, 3)))
        return logits

    def forward(self, features: list[Tensor], mask_logits: Tensor | None = None) -> Detected:
        """Features F_1..F_4 to logits and evidence; see `Head`."""
        evidence = self.evidence(features)
        return Detected(self.classify(evidence), evidence)


class ContrastHead(Head):
    """Detection by how far mask 2 stands out from the rest of it; not of the paper. 2 parameters.

    Compression and texture that training did not show shift the logits of a whole mask; the difference of their
    largest to their mean does not see that, as the pooled map of `DetectionHead` does. The masks learn to localize
    alone: of the detection loss only the gain and the bias learn, since what stands out stays comparable between
    kinds of pictures only as long as it was not trained to (docs/lab-notes/training.md has the figures).
    """

    mask_scale = 2

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.full((1,), -2.0))

    def forward(self, features: list[Tensor], mask_logits: Tensor | None) -> Detected:
        """Logits of mask 2, (B, 1, h, w), to logits (B, 2), the first of them 0; see `Head`."""
        assert mask_logits is not None
        logits = mask_logits.detach().float().flatten(1)
        contrast = logits.amax(dim=1) - logits.mean(dim=1)
        forged = contrast * self.gain + self.bias
        return Detected(torch.stack([torch.zeros_like(forged), forged], dim=1))


HEADS: dict[Detection, type[Head]] = {"head": DetectionHead, "contrast": ContrastHead}
"""Detection head by the word of `Architecture.detection`."""
