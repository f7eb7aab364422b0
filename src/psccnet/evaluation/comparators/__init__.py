"""What is measured under one protocol: the network, trivial methods, and masks that other programs wrote."""

from psccnet.evaluation.comparators.base import Comparator, Localization, Question
from psccnet.evaluation.comparators.find import find_comparator

__all__ = ["Comparator", "Localization", "Question", "find_comparator"]
