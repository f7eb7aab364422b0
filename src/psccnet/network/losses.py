"""Losses of Section III-C (Eq. 5) and of the released code."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from psccnet.network.psccnet import Prediction

Weighting = Literal["paper", "released"]

# The released code weights pristine and forged by the inverse of their shares, 1/4 and 3/4, in an epoch of 4 classes.
RELEASED_DETECTION_WEIGHTS = (1 / 0.25, 1 / 0.75)


def downsample_ground_truth(mask: Tensor, size: tuple[int, int], weighting: Weighting = "paper") -> Tensor:
    """G_n of Eq. 5 from G_1.

    Args:
        mask: (B, 1, H, W), 0 or 1, floating.
        size: (height, width) of the predicted mask.
        weighting: "paper" takes the majority of each cell; "released" resizes as Pillow's bicubic does, then > 0.5.

    Returns:
        (B, 1, height, width), 0 or 1.

    Examples:
        >>> mask = torch.tensor([[[[1.0, 1, 0, 0], [1, 0, 0, 0]]]])
        >>> downsample_ground_truth(mask, (1, 2)).tolist()
        [[[[1.0, 0.0]]]]
    """
    if tuple(mask.shape[-2:]) == tuple(size):
        return mask
    if weighting == "released":
        # As Pillow does for 8-bit pictures: one axis after the other, each rounded to 0..255. The rounding decides
        # where an edge halves a cell.
        smaller = mask * 255
        for step in ((mask.shape[-2], size[1]), size):
            smaller = functional.interpolate(smaller, size=step, mode="bicubic", antialias=True)
            smaller = (smaller + 0.5).floor().clamp(0, 255)
        smaller = smaller / 255
    else:
        smaller = functional.adaptive_avg_pool2d(mask, size)
    return (smaller > 0.5).to(mask.dtype)


def mask_loss(logits: Tensor, truth: Tensor, weighting: Weighting = "paper") -> Tensor:
    """Binary cross-entropy of one scale.

    Args:
        logits: (B, 1, h, w).
        truth: (B, 1, h, w), 0 or 1.
        weighting: "paper" has no class weights; "released" weights each pixel by 0.5 / frequency of its class in the
            batch, or by 1 if no pixel of the batch is forged.

    Returns:
        Scalar: the mean over pixels.

    Examples:
        >>> logits, truth = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
        >>> round(float(mask_loss(logits, truth)), 4)
        0.6931
    """
    if weighting == "paper":
        return functional.binary_cross_entropy_with_logits(logits, truth)
    forged = truth.mean()
    weights = torch.where(truth > 0.5, 0.5 / forged.clamp_min(1e-12), 0.5 / (1 - forged).clamp_min(1e-12))
    weights = torch.where(forged > 0, weights, torch.ones_like(weights))
    return functional.binary_cross_entropy_with_logits(logits, truth, weight=weights)


class PSCCLoss(nn.Module):
    """The training loss: detection plus the four masks.

    Args:
        weighting: "paper" is Eq. 5 (mean over scales, no class weights); "released" sums the scales and
            weights classes as the authors' code does.
        masks: weight of the mask losses; 4 turns the mean of Eq. 5 into the sum of the authors' code.
    """

    def __init__(self, weighting: Weighting = "paper", masks: float = 1.0) -> None:
        super().__init__()
        self.weighting: Weighting = weighting
        self.masks = masks

    def forward(self, prediction: Prediction, mask: Tensor, forged: Tensor) -> dict[str, Tensor]:
        """Compute the loss and its parts.

        Args:
            prediction: of a batch, with the masks of all four scales.
            mask: (B, 1, H, W), G_1, 0 or 1.
            forged: (B,), 0 pristine or 1 forged.

        Returns:
            Scalars: "loss", "detection", "mask1".."mask4".
        """
        released = self.weighting == "released"
        parts: dict[str, Tensor] = {}
        for scale, logits in enumerate(prediction.mask_logits, start=1):
            height, width = logits.shape[-2:]
            truth = downsample_ground_truth(mask.float(), (height, width), self.weighting)
            parts[f"mask{scale}"] = mask_loss(logits.float(), truth, self.weighting)
        masks = torch.stack(list(parts.values()))
        weights = forged.new_tensor(RELEASED_DETECTION_WEIGHTS, dtype=torch.float32) if released else None
        parts["detection"] = functional.cross_entropy(prediction.detection_logits.float(), forged.long(), weights)
        parts["loss"] = parts["detection"] + self.masks * (masks.sum() if released else masks.mean())
        return parts
