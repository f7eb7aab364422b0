"""Copy-move: a part of the picture that stands in it a second time, moved, turned, scaled or mirrored."""

from psccnet.evidence.copy_move.trace import copy_move

__all__ = ["copy_move"]
