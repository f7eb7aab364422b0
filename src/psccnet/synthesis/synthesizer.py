"""Draws pristine and forged samples from photographs (paper, section III-D)."""

from dataclasses import dataclass

import cv2
import numpy as np

from psccnet.datasets.sample import MANIPULATIONS, Mask, Picture, Sample
from psccnet.synthesis.contours import random_contour
from psccnet.synthesis.copy_move import copy_move
from psccnet.synthesis.encoding import Encoding, finish, finish_encoded, history
from psccnet.synthesis.objects import Objects
from psccnet.synthesis.photographs import Photographs, decode
from psccnet.synthesis.recipe import SynthesisRecipe
from psccnet.synthesis.regions import random_region
from psccnet.synthesis.removal import remove
from psccnet.synthesis.splicing import splice
from psccnet.synthesis.transforms import Alpha, tight_crop

_ATTEMPTS_PER_HOST = 8
_HOSTS = 16
# Independent streams of randomness; the host's and the ending's do not know the class.
_HOST_STREAM, _FORGERY_STREAM, _FINISH_STREAM = range(3)


@dataclass(frozen=True)
class _Host:
    picture: Picture
    photograph: int


class Synthesizer:
    """An endless, reproducible data set: sample `index` depends on the seed and the index alone.

    Host, crop, compression history, post-processing and final encoding are drawn before and apart from the
    class, so that nothing but the manipulation tells the classes apart. The one exception: a host on which a
    manipulation keeps failing (a blank wall hides every copy) is replaced by another.
    """

    def __init__(
        self,
        photographs: Photographs,
        objects: Objects | None = None,
        recipe: SynthesisRecipe | None = None,
        seed: int = 0,
    ) -> None:
        """Set up the synthesis.

        Args:
            photographs: hosts and donors, two at least.
            objects: cut-out material; without it every region is a random contour.
            recipe: probabilities and ranges; by default those of `SynthesisRecipe`.
            seed: non-negative; another seed is another data set.

        Raises:
            ValueError: there are fewer than two photographs.
        """
        if len(photographs) < 2:
            raise ValueError("splicing needs two photographs at least, a host and a donor")
        self.photographs = photographs
        self.objects = objects
        self.recipe = recipe or SynthesisRecipe()
        self.seed = seed

    def sample(self, index: int, manipulation: str | None = None) -> Sample:
        """Make sample `index` (0 or more).

        Args:
            index: which sample.
            manipulation: one of `MANIPULATIONS`; by default they take turns with the index.

        Returns:
            A sample whose image is size x size, as decoded from its final encoding.

        Raises:
            ValueError: the manipulation is unknown, or a photograph is unreadable.
            RuntimeError: no host could be forged (the photographs are all but blank).
        """
        picture, mask, source, kind = self._draw(index, manipulation)
        picture = finish(picture, self._rng(index, _FINISH_STREAM), self.recipe)
        return _label(picture, mask, source, kind, index)

    def encoded(self, index: int, manipulation: str | None = None) -> tuple[bytes, Encoding, Sample]:
        """Make sample `index` as a file: its bytes, its format, and the same sample as `sample` returns."""
        picture, mask, source, kind = self._draw(index, manipulation)
        data, encoding = finish_encoded(picture, self._rng(index, _FINISH_STREAM), self.recipe)
        return data, encoding, _label(decode(data, "final encoding"), mask, source, kind, index)

    def _rng(self, index: int, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, index, *stream])

    def _draw(self, index: int, manipulation: str | None) -> tuple[Picture, Mask, str, str]:
        """Return picture before its ending, mask, host's name and class of sample `index`."""
        kind = MANIPULATIONS[index % len(MANIPULATIONS)] if manipulation is None else manipulation
        if kind not in MANIPULATIONS:
            raise ValueError(f"unknown manipulation {kind!r}; known are {', '.join(MANIPULATIONS)}")
        for attempt in range(_HOSTS):
            host = self._host(self._rng(index, _HOST_STREAM, attempt))
            name = self.photographs.names[host.photograph]
            if kind == "pristine":
                return host.picture, np.zeros(host.picture.shape[:2], np.bool_), name, kind
            rng = self._rng(index, _FORGERY_STREAM, attempt, MANIPULATIONS.index(kind))
            for _ in range(_ATTEMPTS_PER_HOST):
                forged = self._forge(kind, host, rng)
                if forged is not None:
                    return *forged, name, kind
        raise RuntimeError(f"no {kind} could be made of {_HOSTS} photographs for sample {index}")

    def _host(self, rng: np.random.Generator) -> _Host:
        photograph = int(rng.integers(len(self.photographs)))
        crop = random_crop(rng, self.photographs.read(photograph), self.recipe)
        return _Host(history(crop, rng, self.recipe), photograph)

    def _forge(self, kind: str, host: _Host, rng: np.random.Generator) -> tuple[Picture, Mask] | None:
        recipe = self.recipe
        if kind == "splicing":
            donor, alpha = self._donor(host, rng)
            return splice(rng, host.picture, donor, alpha, recipe)
        if kind == "copy-move":
            return copy_move(rng, host.picture, random_region(rng, self.objects, recipe, recipe.copy_area), recipe)
        return remove(rng, host.picture, random_region(rng, self.objects, recipe, recipe.removal_area), recipe)

    def _donor(self, host: _Host, rng: np.random.Generator) -> tuple[Picture, Alpha]:
        """Draw a region of another photograph: an object, or a random contour."""
        if self.objects is not None and rng.random() < self.recipe.object_share:
            picture, alpha = self.objects.draw(rng)
            return history(np.ascontiguousarray(picture), rng, self.recipe), alpha
        other = int(rng.integers(len(self.photographs) - 1))
        crop = random_crop(rng, self.photographs.read(other + (other >= host.photograph)), self.recipe)
        region = random_contour(rng, self.recipe.size, self.recipe.splice_area)
        return tight_crop(history(crop, rng, self.recipe), region.astype(np.float32))


def _label(picture: Picture, mask: Mask, source: str, kind: str, index: int) -> Sample:
    return Sample(picture, mask, kind != "pristine", kind, f"{kind}-{index:08d}", source)


def random_crop(rng: np.random.Generator, photograph: Picture, recipe: SynthesisRecipe) -> Picture:
    """Cut a size x size x 3 crop: at native scale on the 8x8 JPEG grid, or from a reduced photograph.

    A photograph smaller than `size` is first enlarged until its short side is `size`.
    """
    size = recipe.size
    height, width = photograph.shape[:2]
    if min(height, width) < size:
        scale = size / min(height, width)
        larger = (max(size, round(width * scale)), max(size, round(height * scale)))
        photograph = np.asarray(cv2.resize(photograph, larger, interpolation=cv2.INTER_CUBIC), np.uint8)
        height, width = photograph.shape[:2]
    if rng.random() < recipe.native_crop:
        x, y = (8 * int(rng.integers((side - size) // 8 + 1)) for side in (width, height))
        return np.ascontiguousarray(photograph[y : y + size, x : x + size])
    side = min(round(size / rng.uniform(*recipe.downscale)), height, width)
    x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
    crop = photograph[y : y + side, x : x + side]
    return np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
