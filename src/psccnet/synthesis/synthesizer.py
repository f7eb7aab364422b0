"""Draw pristine and forged samples from photographs (Section III-D)."""

import hashlib
from dataclasses import dataclass, replace

import cv2
import numpy as np

from psccnet.datasets.photographs import Photographs
from psccnet.errors import InputError, UnusableFileError
from psccnet.pictures.encoding import Encoding, compressed, decode_as_stored
from psccnet.pictures.sample import MANIPULATIONS, Picture, Sample
from psccnet.synthesis.camera import Shot, draw_shot, photograph_crop, photograph_object
from psccnet.synthesis.camera_jpeg import draw_camera_jpeg
from psccnet.synthesis.contours import log_uniform, random_contour
from psccnet.synthesis.copy_move import copy_move
from psccnet.synthesis.endings import draw_history, finish, finish_encoded
from psccnet.synthesis.forgery import Forgery, united
from psccnet.synthesis.last_mile import Way, draw_way, resized_mask
from psccnet.synthesis.objects import Objects
from psccnet.synthesis.own import forge, name_of
from psccnet.synthesis.regions import random_region
from psccnet.synthesis.removal import remove
from psccnet.synthesis.sections import Range
from psccnet.synthesis.splicing import splice
from psccnet.synthesis.synthesis_recipe import SynthesisRecipe
from psccnet.synthesis.transforms import Alpha, reduce, tight_crop

_ATTEMPTS_PER_HOST = 8
_HOSTS = 16
_DONORS = 4
"""Number of photographs to try for one of another camera."""
# Independent streams of randomness; those of the host, the ending and the way do not depend on the class.
_HOST_STREAM, _FORGERY_STREAM, _FINISH_STREAM, _WAY_STREAM = range(4)


def _stream_of(kind: str) -> int:
    """The number of a class in its stream of randomness; it does not depend on the other classes."""
    if kind in MANIPULATIONS:
        return MANIPULATIONS.index(kind)
    return int.from_bytes(hashlib.sha256(kind.encode()).digest()[:6], "big")


@dataclass(frozen=True)
class _Host:
    picture: Picture
    photograph: int
    quality: int | None
    """JPEG quality of its compression before the manipulation, if it has one."""
    repeated_chroma: bool
    """Whether halved chroma of host and donors was decoded by repetition."""
    shot: Shot | None
    """The simulated camera and its settings, if it was photographed again."""


@dataclass(frozen=True)
class _Drawn:
    """A sample before the last step, which all classes share."""

    forgery: Forgery
    source: str
    kind: str
    quality: int | None
    way: Way

    def label(self, image: Picture, index: int) -> Sample:
        forged, size = self.forgery, image.shape[0]
        mask = resized_mask(forged.mask, size)
        source_mask = None if forged.source is None else resized_mask(forged.source, size)
        name = f"{self.kind}-{index:08d}"
        return Sample(image, mask, self.kind != "pristine", self.kind, name, self.source, forged.method, source_mask)


class Synthesizer:
    """An endless, reproducible data set: sample `index` depends only on the seed and the index.

    Host, crop, earlier compression, post-processing and final encoding are drawn independently of the class, so that
    the classes differ only in the manipulation. There is one exception: a host on which a manipulation keeps failing
    (copies on a blank wall cannot be seen) is replaced by another.

    Attributes:
        kinds: for the name of each class, in their order, the recipe's entry in `manipulations`.
        left_out: the reason for each file that was drawn but could not be used.
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
            photographs: hosts and donors, at least two.
            objects: to paste; without them, every region is a random contour.
            recipe: probabilities and ranges; by default those of `SynthesisRecipe`.
            seed: non-negative; each seed gives a different data set.

        Raises:
            InputError: there are fewer than two photographs.
        """
        if len(photographs) < 2:
            raise InputError("splicing needs at least two photographs, a host and a donor")
        self.photographs = photographs
        self.objects = objects
        self.recipe = recipe or SynthesisRecipe()
        self.kinds = {name_of(manipulation): manipulation for manipulation in self.recipe.manipulations}
        self.seed = seed
        self.left_out: dict[str, str] = objects.left_out if objects is not None else {}

    def sample(self, index: int, manipulation: str | None = None) -> Sample:
        """Make sample `index` (0 or more).

        Args:
            index: number of the sample.
            manipulation: one of `kinds`; by default they alternate with the index.

        Returns:
            A sample whose image is size x size, decoded from its final encoding.

        Raises:
            ValueError: the manipulation is unknown.
            InputError: no host could be forged (the photographs are unreadable or nearly blank).
        """
        drawn = self._draw(index, manipulation)
        rng = self._rng(index, _FINISH_STREAM)
        return drawn.label(finish(drawn.forgery.picture, rng, self.recipe, drawn.quality, drawn.way), index)

    def encoded(self, index: int, manipulation: str | None = None) -> tuple[bytes, Encoding, Sample]:
        """Make sample `index` as a file: its bytes, its format, and the sample as returned by `sample`."""
        drawn = self._draw(index, manipulation)
        rng = self._rng(index, _FINISH_STREAM)
        data, encoding = finish_encoded(drawn.forgery.picture, rng, self.recipe, drawn.quality, drawn.way)
        return data, encoding, drawn.label(decode_as_stored(data, "final encoding"), index)

    def _rng(self, index: int, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, index, *stream])

    def _draw(self, index: int, manipulation: str | None) -> _Drawn:
        names = list(self.kinds)
        kind = names[index % len(names)] if manipulation is None else manipulation
        if kind not in self.kinds and kind != "pristine":  # training on pairs needs pristine twins with any classes
            raise ValueError(f"unknown manipulation {kind!r}; known are {', '.join(names)}")
        way = draw_way(self._rng(index, _WAY_STREAM), self.recipe)
        for attempt in range(_HOSTS):
            try:
                host = self._host(self._rng(index, _HOST_STREAM, attempt), way.side)
                forgery = self._forgery(kind, host, self._rng(index, _FORGERY_STREAM, attempt, _stream_of(kind)))
            except UnusableFileError as error:
                self.left_out[error.name] = error.reason
                continue
            if forgery is not None:
                return _Drawn(forgery, self.photographs.names[host.photograph], kind, host.quality, way)
        raise InputError(f"no {kind} could be made from {_HOSTS} photographs; add photographs with more detail")

    def _forgery(self, kind: str, host: _Host, rng: np.random.Generator) -> Forgery | None:
        if kind == "pristine":
            return Forgery(host.picture, np.zeros(host.picture.shape[:2], np.bool_), "")
        attempts = (self._forge(kind, host, rng) for _ in range(_ATTEMPTS_PER_HOST))
        return next((forgery for forgery in attempts if forgery is not None), None)

    def _host(self, rng: np.random.Generator, side: int) -> _Host:
        """Draw a host of `side` pixels; smaller if the photograph is small, but at least of the recipe's size."""
        recipe = self.recipe
        number = int(rng.integers(len(self.photographs)))
        photograph = self.photographs.read(number)
        side = min(side, max(recipe.size, min(photograph.shape[:2])))
        shot = draw_shot(rng, recipe.camera) if rng.random() < recipe.camera.share else None
        crop = photograph_crop(rng, photograph, (min(side, recipe.size), side), shot, recipe.camera) if shot else None
        if crop is None:
            shot, crop = None, random_crop(rng, photograph, replace(recipe, size=side))
        past, repeated = self._past(rng, shot), bool(rng.random() < recipe.host.repeated_chroma)
        return _Host(compressed(crop, past, repeated), number, past.quality if past else None, repeated, shot)

    def _past(self, rng: np.random.Generator, shot: Shot | None) -> Encoding | None:
        return draw_history(rng, self.recipe) if shot is None else draw_camera_jpeg(rng, self.recipe.camera)

    def _forge(self, kind: str, host: _Host, rng: np.random.Generator) -> Forgery | None:
        recipe = replace(self.recipe, size=host.picture.shape[0])
        if kind == "splicing":
            return self._splice(host, rng, recipe)
        if kind == "copy-move":
            return copy_move(rng, host.picture, random_region(rng, self.objects, recipe, recipe.copy_move.area), recipe)
        if kind == "removal":
            return remove(rng, host.picture, random_region(rng, self.objects, recipe, recipe.removal.area), recipe)
        return forge(self.kinds[kind], host.picture, rng)

    def _splice(self, host: _Host, rng: np.random.Generator, recipe: SynthesisRecipe) -> Forgery | None:
        """Paste regions of one, two or three donors; all together may not forge more than the range of areas allows."""
        count = int(rng.integers(2, 4)) if rng.random() < recipe.splicing.several_donors else 1
        forgery: Forgery | None = None
        for _ in range(count):
            donor, alpha, area = self._donor(host, rng, recipe)
            before = host.picture if forgery is None else forgery.picture
            spliced = splice(rng, before, donor, alpha, recipe, area)
            forgery = united(forgery, spliced, area[1]) or forgery
        return forgery

    def _donor(self, host: _Host, rng: np.random.Generator, recipe: SynthesisRecipe) -> tuple[Picture, Alpha, Range]:
        """Draw a region of another photograph, an object or a random contour: picture, alpha and range of areas."""
        shot = None
        if host.shot is not None:
            same = rng.random() < recipe.camera.same_camera
            shot = draw_shot(rng, recipe.camera, host.shot.camera if same else None)
        if self.objects is not None and rng.random() < recipe.region.object_share:
            # Reduced to its final size before compression: reducing it later would remove the compression's traces.
            pixels = log_uniform(rng, recipe.splicing.object_area) * recipe.size**2
            picture, alpha = self.objects.draw(rng)
            if shot is None:
                picture, alpha = reduce(picture, alpha, pixels)
            else:
                picture, alpha = photograph_object(rng, picture, alpha, pixels, shot, recipe.camera)
            return compressed(picture, self._past(rng, shot), host.repeated_chroma), alpha, recipe.splicing.object_area
        other = self.photographs.read(self._other_photograph(host.photograph, rng))
        sides = (recipe.size, recipe.size)
        crop = photograph_crop(rng, other, sides, shot, recipe.camera) if shot is not None else None
        if crop is None:
            shot, crop = None, random_crop(rng, other, recipe)
        region = random_contour(rng, recipe.size, recipe.splicing.contour_area, recipe.region.bezier)
        decoded = compressed(crop, self._past(rng, shot), host.repeated_chroma)
        donor, alpha = tight_crop(decoded, region.astype(np.float32))
        return donor, alpha, recipe.splicing.contour_area

    def _other_photograph(self, host: int, rng: np.random.Generator) -> int:
        """Draw another photograph than the host, from another camera if both are known and one is found quickly."""
        for _ in range(_DONORS if self.recipe.splicing.different_cameras else 1):
            other = int(rng.integers(len(self.photographs) - 1))
            other += other >= host
            camera = self.photographs.camera(host) if self.recipe.splicing.different_cameras else None
            if camera is None or camera != self.photographs.camera(other):
                break
        return other


def random_crop(rng: np.random.Generator, photograph: Picture, recipe: SynthesisRecipe) -> Picture:
    """Cut out size x size x 3: at native scale on the 8x8 JPEG grid, or from a reduced photograph.

    A photograph smaller than `size` is first enlarged until its short side is `size`.
    """
    size = recipe.size
    height, width = photograph.shape[:2]
    if min(height, width) < size:
        scale = size / min(height, width)
        larger = (max(size, round(width * scale)), max(size, round(height * scale)))
        photograph = np.asarray(cv2.resize(photograph, larger, interpolation=cv2.INTER_CUBIC), np.uint8)
        height, width = photograph.shape[:2]
    if rng.random() < recipe.host.native_crop:
        x, y = (8 * int(rng.integers((side - size) // 8 + 1)) for side in (width, height))
        return np.ascontiguousarray(photograph[y : y + size, x : x + size])
    side = min(round(size / rng.uniform(*recipe.host.downscale)), height, width)
    x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
    crop = photograph[y : y + side, x : x + side]
    return np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
