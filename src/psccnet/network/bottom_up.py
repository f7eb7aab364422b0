"""The bottom-up path's progressive mask estimation, coarse to fine (Section III-A.2, Eq. 1)."""

import torch
from torch import Tensor, nn

from psccnet.network.architecture import CHANNELS, RATIOS, Attention, Variant
from psccnet.network.hrnet import resample
from psccnet.network.sccm import SCCM


class MaskEstimator(nn.Module):
    """f_n of Eq. 1 before the sigmoid: the SCCM and the mask generation block of one scale."""

    def __init__(
        self, channels: int, ratio: int, variant: Variant, attention: Attention, shared_embedding: bool
    ) -> None:
        super().__init__()
        self.sccm = SCCM(channels, ratio, variant, attention, shared_embedding)
        self.mask_block = nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(16, 1, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to mask logits (B, 1, H, W)."""
        logits: Tensor = self.mask_block(self.sccm(x))
        return logits


def modulated(feature: Tensor, coarser_logits: Tensor | None) -> Tensor:
    """X_n of Eq. 1: the feature times the upsampled mask of the coarser scale, if there is one.

    Args:
        feature: (B, C, H, W).
        coarser_logits: (B, 1, h, w), or None at the coarsest scale.

    Returns:
        (B, C, H, W).

    Examples:
        >>> feature, coarser_logits = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 1, 1)
        >>> modulated(feature, coarser_logits).tolist()
        [[[[0.5, 0.5], [0.5, 0.5]]]]
    """
    if coarser_logits is None:
        return feature
    return resample(torch.sigmoid(coarser_logits), feature.shape[-2:]) * feature


class BottomUpPath(nn.Module):
    """Four mask estimators, from coarse to fine. The input of each is its feature times the mask of the coarser one."""

    def __init__(
        self, variant: Variant = "paper", attention: Attention = "both", shared_embedding: bool = True
    ) -> None:
        super().__init__()
        for scale, (channels, ratio) in enumerate(zip(CHANNELS, RATIOS, strict=True), start=1):
            estimator = MaskEstimator(channels, ratio, variant, attention, shared_embedding)
            setattr(self, f"scale{scale}", estimator)

    def forward(self, features: list[Tensor], exit_scale: int = 1) -> list[Tensor]:
        """Estimate the masks from scale 4 down to `exit_scale`.

        Args:
            features: F_1..F_4 at their fixed sizes.
            exit_scale: the finest scale to compute, 1..4 (Section IV-F).

        Returns:
            Mask logits (B, 1, h, w) of the scales exit_scale..4, finest first.
        """
        masks: list[Tensor] = []
        for scale in range(4, exit_scale - 1, -1):
            x = modulated(features[scale - 1], masks[0] if masks else None)
            masks.insert(0, getattr(self, f"scale{scale}")(x))
        return masks
