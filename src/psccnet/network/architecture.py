"""What a network is made from: one frozen description for network, card, recipe and bundle. Needs no torch."""

from dataclasses import dataclass
from typing import Literal, get_args

Variant = Literal["paper", "released"]
Attention = Literal["both", "spatial", "channel", "none"]
Detection = Literal["head", "contrast"]
Stem = Literal["full", "unshuffled"]

CHANNELS = (18, 36, 72, 144)
"""Channels of the features F_1..F_4 (C, 2C, 4C, 8C with C = 18)."""

RATIOS = (4, 2, 2, 1)
"""The SCCM down-scaling ratio r at scales 1..4 (Section IV-A.3)."""


@dataclass(frozen=True)
class Architecture:
    """The arguments of `PSCCNet`; every ablation of Table V is one of them.

    Raises:
        ValueError: for an unknown word, or a grid that is no positive multiple of 32.
    """

    variant: Variant = "paper"
    """"paper" follows the text, "released" reproduces the authors' code and runs its weights."""
    attention: Attention = "both"
    """"both", "spatial" (Table V: w/o CA), "channel" (w/o SA) or "none" (w/o CA+SA)."""
    shared_embedding: bool = True
    """False is Table V's w/o FS."""
    grid: int = 256
    """Side of the fixed square that F_1 is resampled to, a multiple of 32; F_2..F_4 get half, a quarter and an eighth.
    256 in the paper (Section IV-A.3); training on smaller crops uses smaller grids."""
    detection: Detection = "head"
    """"head" is the paper's, on the four features; "contrast" takes the score from how far mask 2 stands out."""
    stem: Stem = "full"
    """"full" is the paper's; "unshuffled" first makes each 2 x 2 pixels one point with 12 channels, so that F_1..F_4
    have half the size at a quarter of the arithmetic."""

    def __post_init__(self) -> None:
        """Raise ValueError for what no network has."""
        words = {"variant": Variant, "attention": Attention, "detection": Detection, "stem": Stem}
        for name, known in words.items():
            if getattr(self, name) not in get_args(known):
                raise ValueError(f"{name} is {' or '.join(map(repr, get_args(known)))}, not {getattr(self, name)!r}")
        if self.grid < 32 or self.grid % 32:
            raise ValueError(f"grid is a positive multiple of 32, not {self.grid}")

    @property
    def cell(self) -> int:
        """Pixels along each axis that one point of F_1 stands for: 1, or 2 where the stem is unshuffled."""
        return 2 if self.stem == "unshuffled" else 1
