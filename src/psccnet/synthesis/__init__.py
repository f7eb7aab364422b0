"""Photographs in, forged pictures with masks out: the paper's training data (section III-D), made anew."""

from psccnet.synthesis.contours import random_contour
from psccnet.synthesis.encoding import Encoding
from psccnet.synthesis.objects import Objects
from psccnet.synthesis.photographs import Photographs
from psccnet.synthesis.recipe import SynthesisRecipe
from psccnet.synthesis.synthesizer import Synthesizer

__all__ = ["Encoding", "Objects", "Photographs", "SynthesisRecipe", "Synthesizer", "random_contour"]
