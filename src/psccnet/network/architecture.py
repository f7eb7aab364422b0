"""The options of a network: one frozen class for the network, its card, recipes and graphs. Needs no torch."""

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
    """The options of `PSCCNet`; each ablation of Table V is one of them.

    Raises:
        ValueError: for an unknown value, or a grid that is not a positive multiple of 32.

    Examples:
        >>> Architecture(stem="unshuffled").cell
        2
        >>> try:
        ...     Architecture(grid=100)
        ... except ValueError as error:
        ...     print(error)
        grid must be a positive multiple of 32, not 100
    """

    variant: Variant = "paper"
    """"paper" follows the paper's text; "released" follows the authors' code and runs their weights."""
    attention: Attention = "both"
    """"both", "spatial" (Table V: w/o CA), "channel" (w/o SA) or "none" (w/o CA+SA)."""
    shared_embedding: bool = True
    """False is Table V's w/o FS."""
    grid: int = 256
    """Side of the square that F_1 is resampled to, a multiple of 32; F_2..F_4 get 1/2, 1/4 and 1/8 of it. 256 in the
    paper (Section IV-A.3); training on smaller crops uses smaller grids."""
    detection: Detection = "head"
    """"head" is the paper's, on the four features; "contrast" computes the score from the contrast of mask 2."""
    stem: Stem = "full"
    """"full" is the paper's; "unshuffled" first turns each 2 x 2 pixels into one point of 12 channels. F_1..F_4 then
    have half the height and width, and the network computes a quarter."""

    def __post_init__(self) -> None:
        """Check the values."""
        choices = {"variant": Variant, "attention": Attention, "detection": Detection, "stem": Stem}
        for name, known in choices.items():
            if getattr(self, name) not in get_args(known):
                expected = " or ".join(map(repr, get_args(known)))
                raise ValueError(f"{name} must be {expected}, not {getattr(self, name)!r}")
        if self.grid < 32 or self.grid % 32:
            raise ValueError(f"grid must be a positive multiple of 32, not {self.grid}")

    @property
    def cell(self) -> int:
        """Height and width, in pixels, of what one point of F_1 covers: 1, or 2 with the unshuffled stem."""
        return 2 if self.stem == "unshuffled" else 1
