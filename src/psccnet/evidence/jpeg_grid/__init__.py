"""JPEG grid: where the squares of 8 x 8 pixels begin, in the whole picture and in its parts."""

from psccnet.evidence.jpeg_grid.trace import jpeg_grid

__all__ = ["jpeg_grid"]
