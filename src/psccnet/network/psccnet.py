"""PSCC-Net: the two paths put together (Fig. 2)."""

from typing import NamedTuple

from torch import Tensor, nn

from psccnet.network.architecture import Architecture
from psccnet.network.bottom_up import BottomUpPath
from psccnet.network.detection_head import HEADS
from psccnet.network.hrnet import HRNet, resample


class Prediction(NamedTuple):
    """The network's output for a batch: logits, from which losses are computed in a stable way.

    Attributes:
        mask_logits: (B, 1, h, w) for each scale from the exit scale to 4, finest first.
        detection_logits: (B, 2), pristine and forged; the detection score is softmax[1].
        evidence: (B, 128, h, w), the last map of the paper's detection head before pooling; None with other heads.
    """

    mask_logits: list[Tensor]
    detection_logits: Tensor
    evidence: Tensor | None = None


class PSCCNet(nn.Module):
    """Progressive Spatio-Channel Correlation Network.

    Args:
        architecture: variant, attention, grid, detection head and stem; by default the paper's.

    Attributes:
        grid: side of scale 1's fixed grid. It may be changed later: no weight depends on it.
    """

    def __init__(self, architecture: Architecture | None = None) -> None:
        super().__init__()
        architecture = architecture or Architecture()
        self.architecture = architecture
        self.grid = architecture.grid
        self.top_down = HRNet(architecture.stem)
        self.bottom_up = BottomUpPath(architecture.variant, architecture.attention, architecture.shared_embedding)
        self.detection_head = HEADS[architecture.detection]()

    def extract(self, picture: Tensor) -> list[Tensor]:
        """Run the top-down path and resample its features to fixed sizes.

        Args:
            picture: (B, 3, H, W), RGB in 0..1.

        Returns:
            F_1..F_4 as (B, 18, g, g), (B, 36, g/2, g/2), (B, 72, g/4, g/4), (B, 144, g/8, g/8), g the grid.
        """
        sides = (self.grid >> scale for scale in range(4))
        return [resample(x, (side, side)) for x, side in zip(self.top_down(picture), sides, strict=True)]

    def forward(self, picture: Tensor, exit_scale: int = 1) -> Prediction:
        """Detect and localize.

        Args:
            picture: (B, 3, H, W), RGB in 0..1, of any size.
            exit_scale: the finest mask to compute, 1..4; 4 is the fastest (Section IV-F).

        Raises:
            ValueError: if exit_scale is not 1..4.
        """
        if not 1 <= exit_scale <= 4:
            raise ValueError(f"exit_scale must be 1, 2, 3 or 4, not {exit_scale}")
        features = self.extract(picture)
        head_scale = self.detection_head.mask_scale
        finest = min(exit_scale, head_scale or exit_scale)
        masks = self.bottom_up(features, finest)
        logits, evidence = self.detection_head(features, masks[head_scale - finest] if head_scale else None)
        return Prediction(masks[exit_scale - finest :], logits, evidence)

    def parameter_counts(self) -> dict[str, int]:
        """The number of parameters of the top-down path, the localization and the detection head (Section IV-A.3)."""
        parts = {
            "top_down": self.top_down,
            "localization": self.bottom_up,
            "detection_head": self.detection_head,
        }
        return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
