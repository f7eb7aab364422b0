"""JPEG grid: where the squares of 8 x 8 pixels begin, in the whole picture and in parts of it."""

from psccnet.evidence.jpeg_grid.trace import jpeg_grid

__all__ = ["jpeg_grid"]
