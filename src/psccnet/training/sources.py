"""Sources of training samples: synthesised, drawn from data sets, or both."""

from typing import Protocol

import numpy as np

from psccnet.pictures.sample import Sample
from psccnet.synthesis import SynthesisRecipe, Synthesizer
from psccnet.synthesis.endings import finish_sample


class Source(Protocol):
    """Samples by index: the same index gives the same sample in any process, and the classes alternate."""

    @property
    def seed(self) -> int:
        """The seed of everything that is drawn."""

    def sample(self, index: int, /) -> Sample:
        """Sample `index`, a square with its mask."""


class Mixed:
    """Samples of two sources; the index decides which.

    Args:
        first: a source.
        second: another source.
        share: of the first, 0..1.
        together: so many successive samples are from the same source.
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
    """Each forged sample followed by its pristine twin: same host, crop, earlier compression and last step.

    The two then differ only in the manipulation, not in what they show.

    Args:
        synthesizer: of the samples.
    """

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        self.seed = synthesizer.seed

    def sample(self, index: int, /) -> Sample:
        """Sample `index`: forged at even indices, with alternating manipulations; pristine at odd ones."""
        host, twin = divmod(index, 2)
        forged = [name for name in self.synthesizer.kinds if name != "pristine"]
        return self.synthesizer.sample(host, "pristine" if twin else forged[host % len(forged)])


class Ended:
    """Samples of data sets with the last step of synthetic ones: post-processing, final encoding, last mile.

    Files of data sets give away their classes: in CASIA v1, the JPEG settings alone have an image AUC of 0.999. A
    network must not learn this.

    Args:
        source: of the samples, at their final size.
        synthesis: the recipe with the section `ending`.
    """

    def __init__(self, source: Source, synthesis: SynthesisRecipe) -> None:
        self.source = source
        self.synthesis = synthesis
        self.seed = source.seed

    def sample(self, index: int, /) -> Sample:
        """Sample `index` after the last step."""
        sample = self.source.sample(index)
        return finish_sample(sample, np.random.default_rng([self.seed, index, 7]), self.synthesis)
