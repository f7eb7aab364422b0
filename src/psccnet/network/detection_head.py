"""Detection heads: HRNet's classification head (Section III-A.2), and one by the contrast of mask 2."""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from psccnet.network.architecture import CHANNELS, Detection
from psccnet.network.hrnet import Bottleneck, batch_norm

EXPANSION = 2


class Detected(NamedTuple):
    """The output of a detection head: logits (B, 2) of (pristine, forged), and the map before pooling, if any."""

    logits: Tensor
    evidence: Tensor | None = None


class Head(nn.Module):
    """Base class of detection heads; `HEADS` lists them.

    Attributes:
        mask_scale: the scale of the mask that the head reads, 1..4; None if it reads the features.
    """

    mask_scale: int | None = None

    def forward(self, features: list[Tensor], mask_logits: Tensor | None) -> Detected:
        """Detect.

        Args:
            features: F_1..F_4 at their fixed sizes; ignored by a head with a `mask_scale`.
            mask_logits: (B, 1, h, w) logits of the mask of `mask_scale`; None for a head without one.
        """
        raise NotImplementedError


class DetectionHead(Head):
    """Bottleneck blocks on each scale, summed from fine to coarse, pooled and classified. 919,546 parameters.

    The attributes have the names of the released weights.
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
            (B, 128, h_4, w_4), at least 0.
        """
        y = self.incre_modules[0](features[0])
        for deeper, down, feature in zip(self.incre_modules[1:], self.downsamp_modules, features[1:], strict=True):
            y = deeper(feature) + down(y)
        evidence: Tensor = self.final_layer(y)
        return evidence

    def classify(self, evidence: Tensor) -> Tensor:
        """Average the evidence over the picture and classify it: (B, 128, h, w) to logits (B, 2)."""
        logits: Tensor = self.classifier(evidence.mean(dim=(2, 3)))
        return logits

    def forward(self, features: list[Tensor], mask_logits: Tensor | None = None) -> Detected:
        """Features F_1..F_4 to logits and evidence; see `Head`."""
        evidence = self.evidence(features)
        return Detected(self.classify(evidence), evidence)


class ContrastHead(Head):
    """Detection by the contrast of mask 2: its largest logit minus its mean. Not in the paper. 2 parameters.

    Compression or texture unlike the training pictures shifts all logits of a mask. That shift changes the pooled map
    of `DetectionHead`, but not the contrast. The detection loss trains only the gain and the bias, not the masks:
    contrasts of different kinds of pictures stay comparable only if the masks are trained to localize alone
    (docs/lab-notes/training.md has the figures).
    """

    mask_scale = 2

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.full((1,), -2.0))

    def forward(self, features: list[Tensor], mask_logits: Tensor | None) -> Detected:
        """Logits of mask 2, (B, 1, h, w), to detection logits (B, 2), of which the first is 0; see `Head`."""
        assert mask_logits is not None
        logits = mask_logits.detach().float().flatten(1)
        contrast = logits.amax(dim=1) - logits.mean(dim=1)
        forged = contrast * self.gain + self.bias
        return Detected(torch.stack([torch.zeros_like(forged), forged], dim=1))


HEADS: dict[Detection, type[Head]] = {"head": DetectionHead, "contrast": ContrastHead}
"""The detection head for each value of `Architecture.detection`."""
