"""PSCC-Net: the two paths put together (Fig. 2)."""

from typing import NamedTuple, get_args

from torch import Tensor, nn

from psccnet.network.bottom_up import BottomUpPath
from psccnet.network.detection_head import CONTRAST_SCALE, ContrastHead, Detection, DetectionHead
from psccnet.network.hrnet import HRNet, Stem, resample
from psccnet.network.sccm import Attention, Variant


class Prediction(NamedTuple):
    """What the network says of a batch; probabilities are formed outside, so that losses stay stable.

    Attributes:
        mask_logits: (B, 1, h, w) for each scale from the exit scale to 4, finest first.
        detection_logits: (B, 2), pristine and forged; the detection score is softmax[1].
    """

    mask_logits: list[Tensor]
    detection_logits: Tensor


class PSCCNet(nn.Module):
    """Progressive Spatio-Channel Correlation Network.

    Args:
        variant: "paper" follows the text, "released" reproduces the authors' code and runs its weights.
        attention: "both", "spatial" (Table V: w/o CA), "channel" (w/o SA) or "none" (w/o CA+SA).
        shared_embedding: False is Table V's w/o FS.
        grid: side of the fixed square that F_1 is resampled to, a multiple of 32; F_2..F_4 get half, a quarter
            and an eighth. 256 in the paper (Section IV-A.3); training on smaller crops uses smaller grids.
        detection: "head" is the paper's, on the four features; "contrast" takes the score from mask 2.
        stem: "full" is the paper's; "unshuffled" computes all features at half the size; see `HRNet`.

    Raises:
        ValueError: for an unknown variant, attention, detection or stem, or a grid that is no positive multiple of 32.
    """

    def __init__(
        self,
        variant: Variant = "paper",
        attention: Attention = "both",
        shared_embedding: bool = True,
        grid: int = 256,
        detection: Detection = "head",
        stem: Stem = "full",
    ) -> None:
        super().__init__()
        if variant not in get_args(Variant):
            raise ValueError(f"variant is 'paper' or 'released', not {variant!r}")
        if attention not in get_args(Attention):
            raise ValueError(f"attention is one of {', '.join(get_args(Attention))}, not {attention!r}")
        if detection not in get_args(Detection):
            raise ValueError(f"detection is 'head' or 'contrast', not {detection!r}")
        if stem not in get_args(Stem):
            raise ValueError(f"stem is 'full' or 'unshuffled', not {stem!r}")
        if grid < 32 or grid % 32:
            raise ValueError(f"grid is a positive multiple of 32, not {grid}")
        self.variant: Variant = variant
        self.attention: Attention = attention
        self.shared_embedding = shared_embedding
        self.grid = grid
        self.detection: Detection = detection
        self.stem: Stem = stem
        self.top_down = HRNet(stem)
        self.bottom_up = BottomUpPath(variant, attention, shared_embedding)
        self.detection_head = DetectionHead() if detection == "head" else ContrastHead()

    def extract(self, picture: Tensor) -> list[Tensor]:
        """The top-down path and the resampling to fixed sizes.

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
            exit_scale: the finest mask to compute, 1..4; stopping at 4 saves the most (Section IV-F).

        Raises:
            ValueError: if exit_scale is not 1..4.
        """
        if not 1 <= exit_scale <= 4:
            raise ValueError(f"exit_scale is 1, 2, 3 or 4, not {exit_scale}")
        features = self.extract(picture)
        if self.detection == "head":
            return Prediction(self.bottom_up(features, exit_scale), self.detection_head(features))
        finest = min(exit_scale, CONTRAST_SCALE)
        masks = self.bottom_up(features, finest)
        return Prediction(masks[exit_scale - finest :], self.detection_head(masks[CONTRAST_SCALE - finest]))

    def parameter_counts(self) -> dict[str, int]:
        """Parameters of the top-down path, the localization and the detection head (Section IV-A.3)."""
        parts = {
            "top_down": self.top_down,
            "localization": self.bottom_up,
            "detection_head": self.detection_head,
        }
        return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
