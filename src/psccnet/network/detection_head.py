"""The detection head on the four features: HRNet's classification head with two classes (Section III-A.2)."""

from itertools import pairwise

from torch import Tensor, nn

from psccnet.network.hrnet import CHANNELS, Bottleneck, batch_norm

EXPANSION = 2


class DetectionHead(nn.Module):
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

    def forward(self, features: list[Tensor]) -> Tensor:
        """Logits (B, 2) of (pristine, forged)."""
        return self.classify(self.evidence(features))
