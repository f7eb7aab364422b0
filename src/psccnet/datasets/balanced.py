"""Draw training pictures from data sets: the same number of each manipulation, all of one size."""

import logging
from collections.abc import Sequence
from typing import Literal

import numpy as np
from PIL import Image

from psccnet.datasets.entry import Entry
from psccnet.errors import InputError, MissingFileError, PictureError
from psccnet.pictures.sample import MANIPULATIONS, Sample

Fit = Literal["resize", "crop"]
_log = logging.getLogger(__name__)
_DRAWS = 16
"""Entries to try for one sample before the set counts as unusable."""


class BalancedPictures:
    """An endless, reproducible stream of a set's pictures: sample `index` depends only on the seed and the index.

    The classes alternate, and all pictures of a class are equally likely (Section III-D: 25,000 of each class per
    epoch). A picture that cannot be used is logged once, and another one is drawn.

    Args:
        entries: the pictures.
        size: side of the square samples, in pixels.
        seed: selects the stream.
        fit: "resize" resizes the whole picture to the square, as the released code does; "crop" cuts out a square at
            native scale that touches the forged region, after enlarging smaller pictures.

    Raises:
        InputError: if there are no entries.
    """

    def __init__(self, entries: Sequence[Entry], size: int, seed: int = 0, fit: Fit = "resize") -> None:
        if not entries:
            raise InputError("the data sets have no usable pictures; psccnet datasets check lists the reasons")
        kinds: dict[str, list[Entry]] = {kind: [] for kind in MANIPULATIONS}
        for entry in entries:
            kinds.setdefault(entry.manipulation, []).append(entry)
        self.kinds = {kind: of_kind for kind, of_kind in kinds.items() if of_kind}
        self.size = size
        self.seed = seed
        self.fit: Fit = fit
        self.left_out: dict[str, str] = {}

    def sample(self, index: int) -> Sample:
        """Draw sample `index` (0 or more), size x size.

        Raises:
            InputError: if none of the pictures drawn can be used.
        """
        kind = list(self.kinds)[index % len(self.kinds)]
        for attempt in range(_DRAWS):
            rng = np.random.default_rng([self.seed, index, attempt])
            entry = self.kinds[kind][int(rng.integers(len(self.kinds[kind])))]
            try:
                sample = entry.read()
            except (PictureError, MissingFileError) as error:
                if entry.id not in self.left_out:
                    _log.warning("left out: %s", error)
                self.left_out[entry.id] = str(error)
                continue
            fitted = self._fitted(sample, f"{kind}-{index:08d}", rng)
            if fitted.mask is not None and fitted.mask.any() == fitted.forged:
                return fitted  # otherwise the forgery is lost at this size
        raise InputError(f"{_DRAWS} pictures in a row cannot be used; psccnet datasets check names them")

    def _fitted(self, sample: Sample, name: str, rng: np.random.Generator) -> Sample:
        assert sample.mask is not None
        image, mask = Image.fromarray(sample.image), Image.fromarray(sample.mask.astype(np.uint8) * 255)
        size = (self.size, self.size)
        if self.fit == "crop":
            scale = max(1.0, self.size / min(image.size))
            larger = (round(image.width * scale), round(image.height * scale))
            if scale > 1:
                image, mask = (layer.resize(larger, Image.Resampling.BICUBIC) for layer in (image, mask))
            box = _crop(rng, np.asarray(mask) > 127, self.size)
            image, mask = image.crop(box), mask.crop(box)
        else:
            image, mask = (layer.resize(size, Image.Resampling.BICUBIC) for layer in (image, mask))
        truth = np.asarray(mask) > 127
        if self.fit == "resize" and not truth.any():
            # A forgery that vanishes on resizing is marked at the pixels that it falls on.
            y, x = np.nonzero(sample.mask)
            truth = np.zeros_like(truth)
            truth[y * self.size // sample.mask.shape[0], x * self.size // sample.mask.shape[1]] = True
        return Sample(np.asarray(image), truth, sample.forged, sample.manipulation, name, sample.source)


def _crop(rng: np.random.Generator, truth: np.ndarray, size: int) -> tuple[int, int, int, int]:
    """The box (left, upper, right, lower) of a random square that touches the forged region, if there is one."""
    height, width = truth.shape
    low_x, low_y, high_x, high_y = 0, 0, width - size, height - size
    forged = np.flatnonzero(truth)
    if forged.size:
        y, x = divmod(int(rng.choice(forged)), width)
        low_x, high_x = max(0, x - size + 1), min(high_x, x)
        low_y, high_y = max(0, y - size + 1), min(high_y, y)
    left, upper = int(rng.integers(low_x, high_x + 1)), int(rng.integers(low_y, high_y + 1))
    return left, upper, left + size, upper + size
