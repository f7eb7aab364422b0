"""A learned trace: which squares differ from the rest of the picture in compression, noise and colours."""

from psccnet.evidence.square_statistics.trace import square_statistics

__all__ = ["square_statistics"]
