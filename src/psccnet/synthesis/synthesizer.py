"""Draws pristine and forged samples from photographs (paper, section III-D)."""

from dataclasses import dataclass

import cv2
import numpy as np

from psccnet.datasets.photographs import Photographs
from psccnet.errors import InputError, UnusableFileError
from psccnet.pictures.encoding import Encoding, compressed, decode_as_stored
from psccnet.pictures.sample import MANIPULATIONS, Picture, Sample
from psccnet.synthesis.contours import log_uniform, random_contour
from psccnet.synthesis.copy_move import copy_move
from psccnet.synthesis.endings import draw_history, finish, finish_encoded
from psccnet.synthesis.forgery import Forgery
from psccnet.synthesis.objects import Objects
from psccnet.synthesis.regions import random_region
from psccnet.synthesis.removal import remove
from psccnet.synthesis.splicing import splice
from psccnet.synthesis.synthesis_recipe import Range, SynthesisRecipe
from psccnet.synthesis.transforms import Alpha, reduce, tight_crop

_ATTEMPTS_PER_HOST = 8
_HOSTS = 16
_DONORS = 4
"""Photographs looked at for one of another camera."""
# Independent streams of randomness; the host's and the ending's do not know the class.
_HOST_STREAM, _FORGERY_STREAM, _FINISH_STREAM = range(3)
_CLASSES = {name: number for number, name in enumerate(MANIPULATIONS)}


@dataclass(frozen=True)
class _Host:
    picture: Picture
    photograph: int
    quality: int | None
    """Of its compression before, if it has one."""
    repeated_chroma: bool
    """How what has halved chroma was decoded, here and in what is pasted."""


@dataclass(frozen=True)
class _Drawn:
    """A sample before its ending, which is the same for all classes."""

    forgery: Forgery
    source: str
    kind: str
    quality: int | None

    def label(self, image: Picture, index: int) -> Sample:
        forged = self.forgery
        name = f"{self.kind}-{index:08d}"
        return Sample(
            image, forged.mask, self.kind != "pristine", self.kind, name, self.source, forged.method, forged.source
        )


class Synthesizer:
    """An endless, reproducible data set: sample `index` depends on the seed and the index alone.

    Host, crop, compression history, post-processing and final encoding are drawn before and apart from the
    class, so that nothing but the manipulation tells the classes apart. The one exception: a host on which a
    manipulation keeps failing (a blank wall hides every copy) is replaced by another.

    Attributes:
        left_out: files that were drawn and could not be used, with the reason.
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
            InputError: there are fewer than two photographs.
        """
        if len(photographs) < 2:
            raise InputError("splicing needs two photographs at least, a host and a donor")
        self.photographs = photographs
        self.objects = objects
        self.recipe = recipe or SynthesisRecipe()
        self.seed = seed
        self.left_out: dict[str, str] = objects.left_out if objects is not None else {}

    def sample(self, index: int, manipulation: str | None = None) -> Sample:
        """Make sample `index` (0 or more).

        Args:
            index: which sample.
            manipulation: one of `MANIPULATIONS`; by default they take turns with the index.

        Returns:
            A sample whose image is size x size, as decoded from its final encoding.

        Raises:
            ValueError: the manipulation is unknown.
            InputError: no host could be forged (the photographs are unreadable or all but blank).
        """
        drawn = self._draw(index, manipulation)
        rng = self._rng(index, _FINISH_STREAM)
        return drawn.label(finish(drawn.forgery.picture, rng, self.recipe, drawn.quality), index)

    def encoded(self, index: int, manipulation: str | None = None) -> tuple[bytes, Encoding, Sample]:
        """Make sample `index` as a file: its bytes, its format, and the same sample as `sample` returns."""
        drawn = self._draw(index, manipulation)
        rng = self._rng(index, _FINISH_STREAM)
        data, encoding = finish_encoded(drawn.forgery.picture, rng, self.recipe, drawn.quality)
        return data, encoding, drawn.label(decode_as_stored(data, "final encoding"), index)

    def _rng(self, index: int, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, index, *stream])

    def _draw(self, index: int, manipulation: str | None) -> _Drawn:
        kind = MANIPULATIONS[index % len(MANIPULATIONS)] if manipulation is None else manipulation
        if kind not in MANIPULATIONS:
            raise ValueError(f"unknown manipulation {kind!r}; known are {', '.join(MANIPULATIONS)}")
        for attempt in range(_HOSTS):
            try:
                host = self._host(self._rng(index, _HOST_STREAM, attempt))
                forgery = self._forgery(kind, host, self._rng(index, _FORGERY_STREAM, attempt, _CLASSES[kind]))
            except UnusableFileError as error:
                self.left_out[error.name] = error.reason
                continue
            if forgery is not None:
                return _Drawn(forgery, self.photographs.names[host.photograph], kind, host.quality)
        raise InputError(f"no {kind} could be made of {_HOSTS} photographs; add photographs with more in them")

    def _forgery(self, kind: str, host: _Host, rng: np.random.Generator) -> Forgery | None:
        if kind == "pristine":
            return Forgery(host.picture, np.zeros(host.picture.shape[:2], np.bool_), "")
        attempts = (self._forge(kind, host, rng) for _ in range(_ATTEMPTS_PER_HOST))
        return next((forgery for forgery in attempts if forgery is not None), None)

    def _host(self, rng: np.random.Generator) -> _Host:
        photograph = int(rng.integers(len(self.photographs)))
        crop = random_crop(rng, self.photographs.read(photograph), self.recipe)
        encoding = draw_history(rng, self.recipe)
        repeated = bool(rng.random() < self.recipe.repeated_chroma)
        return _Host(compressed(crop, encoding, repeated), photograph, encoding.quality if encoding else None, repeated)

    def _forge(self, kind: str, host: _Host, rng: np.random.Generator) -> Forgery | None:
        recipe = self.recipe
        if kind == "splicing":
            donor, alpha, area = self._donor(host, rng)
            return splice(rng, host.picture, donor, alpha, recipe, area)
        if kind == "copy-move":
            return copy_move(rng, host.picture, random_region(rng, self.objects, recipe, recipe.copy_area), recipe)
        return remove(rng, host.picture, random_region(rng, self.objects, recipe, recipe.removal_area), recipe)

    def _donor(self, host: _Host, rng: np.random.Generator) -> tuple[Picture, Alpha, Range]:
        """Draw a region of another photograph, an object or a random contour, and the area that it may forge."""
        recipe = self.recipe
        if self.objects is not None and rng.random() < recipe.object_share:
            # As large as it will lie in the host, so that not every object loses the traces of its past by shrinking.
            picture, alpha = reduce(*self.objects.draw(rng), log_uniform(rng, recipe.splice_area) * recipe.size**2)
            return compressed(picture, draw_history(rng, recipe), host.repeated_chroma), alpha, recipe.splice_area
        crop = random_crop(rng, self.photographs.read(self._other_photograph(host.photograph, rng)), recipe)
        region = random_contour(rng, recipe.size, recipe.contour_area, recipe.bezier)
        decoded = compressed(crop, draw_history(rng, recipe), host.repeated_chroma)
        donor, alpha = tight_crop(decoded, region.astype(np.float32))
        return donor, alpha, recipe.contour_area

    def _other_photograph(self, host: int, rng: np.random.Generator) -> int:
        """Draw a photograph other than the host, of another camera where both tell theirs and one is soon found."""
        for _ in range(_DONORS if self.recipe.different_cameras else 1):
            other = int(rng.integers(len(self.photographs) - 1))
            other += other >= host
            camera = self.photographs.camera(host) if self.recipe.different_cameras else None
            if camera is None or camera != self.photographs.camera(other):
                break
        return other


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
