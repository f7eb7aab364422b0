"""Classical traces as comparators: colour filter (CFA) and double quantisation (DQ)."""

import numpy as np

from psccnet.evaluation.comparators.base import Localization, Question
from psccnet.evidence import VERSION
from psccnet.evidence.colour_filter import cfa_map
from psccnet.evidence.double_compression.trace import dq_map
from psccnet.pictures.masks import turned


class ColourFilter:
    """Missing traces of a camera's colour filter; the score is the mean of the map."""

    name, identity, threshold, exit_scales = "cfa", "1", float("nan"), False

    def localize(self, question: Question, /) -> Localization:
        """The map of the pixels."""
        mask = cfa_map(question.image)
        return Localization(mask, float(mask.mean()))


class DoubleQuantisation:
    """Parts of a JPEG that were compressed once only; the score is the mean of the map.

    It reads the picture's file. Where the pixels are no longer those of a JPEG file, the map is 0 everywhere.
    """

    name, identity, threshold, exit_scales = "dq", str(VERSION), float("nan"), False

    def localize(self, question: Question, /) -> Localization:
        """The map of the file, upright."""
        height, width = question.image.shape[:2]
        if question.file is None:
            return Localization(np.zeros((height, width), np.float32), 0.0)
        mask = np.ascontiguousarray(turned(dq_map(question.file), question.orientation), np.float32)
        return Localization(mask, float(mask.mean()))


CLASSICAL: dict[str, type[ColourFilter] | type[DoubleQuantisation]] = {"cfa": ColourFilter, "dq": DoubleQuantisation}
"""By the word of the command line."""
