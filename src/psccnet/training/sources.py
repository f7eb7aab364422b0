"""Where samples come from: synthesised, drawn from data sets, or both."""

from typing import Protocol

import numpy as np

from psccnet.pictures.sample import Sample
from psccnet.synthesis import SynthesisRecipe, Synthesizer
from psccnet.synthesis.endings import finish_sample


class Source(Protocol):
    """Samples by index: the same index gives the same sample in any process, and the classes take turns."""

    @property
    def seed(self) -> int:
        """Of all that is drawn."""

    def sample(self, index: int, /) -> Sample:
        """Sample `index`, a square with its mask."""


class Mixed:
    """Samples of two sources, drawn by the index.

    Args:
        first: one source.
        second: the other.
        share: of the first, 0..1.
        together: so many samples on end are drawn from the same source.
    """

    def __init__(self, first: Source, second: Source, share: float, together: int = 1) -> None:
        self.first = first
        self.second = second
        self.share = share
        self.together = together
        self.seed = first.seed

    def sample(self, index: int, /) -> Sample:
        """Sample `index` of one of them."""
        draw = np.random.default_rng([self.seed, index // self.together, 9]).random()
        return (self.first if draw < self.share else self.second).sample(index)


class Pairs:
    """Each forged sample followed by its pristine twin: same host, crop, compression history and ending.

    What a batch tells apart is then the manipulation and not what the pictures show.

    Args:
        synthesizer: of the samples.
    """

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        self.seed = synthesizer.seed

    def sample(self, index: int, /) -> Sample:
        """Sample `index`: the recipe's manipulations in turn at even indices, pristine at odd ones."""
        host, twin = divmod(index, 2)
        forged = [name for name in self.synthesizer.kinds if name != "pristine"]
        return self.synthesizer.sample(host, "pristine" if twin else forged[host % len(forged)])


class Ended:
    """Samples of data sets with the same endings as synthetic ones (post-processing, final encoding, last mile).

    Files of data sets tell their classes: the JPEG settings alone of CASIA v1 do with an image AUC of 0.999. The last
    encoding of what is trained on must not.

    Args:
        source: of the samples, at their final size.
        synthesis: whose endings are drawn.
    """

    def __init__(self, source: Source, synthesis: SynthesisRecipe) -> None:
        self.source = source
        self.synthesis = synthesis
        self.seed = source.seed

    def sample(self, index: int, /) -> Sample:
        """Sample `index`, ended."""
        sample = self.source.sample(index)
        # The one place where pictures of sets get their ending.
        return finish_sample(sample, np.random.default_rng([self.seed, index, 7]), self.synthesis)
