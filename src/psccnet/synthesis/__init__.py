"""Make forged pictures with masks from photographs: the paper's training data (Section III-D)."""

from psccnet.datasets.photographs import Photographs
from psccnet.pictures.encoding import Encoding
from psccnet.synthesis.contours import random_contour
from psccnet.synthesis.objects import Objects
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe
from psccnet.synthesis.synthesizer import Synthesizer

__all__ = ["Encoding", "Objects", "Photographs", "SynthesisRecipe", "Synthesizer", "random_contour"]
