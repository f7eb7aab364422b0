"""Validation on real pictures: each at its own size, scored by set."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from psccnet.datasets.entry import Entry
from psccnet.metrics import auc, f1
from psccnet.pictures.decoding import PictureError
from psccnet.pictures.sample import Sample

MAX_PIXELS = 1_500_000
"""Larger pictures are reduced to so many pixels: a validation has to be fast."""


class RealPicture(TypedDict):
    """One picture: picture (3, H, W) uint8; mask (1, H, W) uint8, 0 or 1; and why it is left out, or ""."""

    picture: Tensor
    mask: Tensor
    forged: bool
    set: str
    name: str
    fault: str


class RealPictures(Dataset[RealPicture]):
    """The pictures of validation sets, one at a time.

    Args:
        sets: entries by set.
    """

    def __init__(self, sets: Mapping[str, Sequence[Entry]]) -> None:
        self.entries = [(name, entry) for name, entries in sets.items() for entry in entries]

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.entries)

    def __getitem__(self, index: int) -> RealPicture:
        """One picture; where it cannot be read, an empty one with the reason."""
        name, entry = self.entries[index]
        fault = ""
        try:
            sample = reduced(entry.read())
            picture, mask = sample.image, sample.mask
            assert mask is not None
        except (PictureError, OSError) as error:
            picture, mask, fault = np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), np.bool_), str(error)
        return {
            "picture": torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))),
            "mask": torch.from_numpy(mask[None].astype(np.uint8)),
            "forged": entry.forged,
            "set": name,
            "name": str(entry.image),
            "fault": fault,
        }


def reduced(sample: Sample, max_pixels: int = MAX_PIXELS) -> Sample:
    """A sample with at most so many pixels, picture and mask reduced by area; a small region does not vanish."""
    height, width = sample.image.shape[:2]
    if height * width <= max_pixels or sample.mask is None:
        return sample
    scale = (max_pixels / (height * width)) ** 0.5
    size = (max(1, int(width * scale)), max(1, int(height * scale)))
    picture = np.asarray(cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    share = cv2.resize(sample.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    mask = share >= 0.5
    if not mask.any():
        mask = share > 0
    return Sample(picture, mask, sample.forged, sample.manipulation, sample.id, sample.source)


class RealScores:
    """Collects answers on real pictures and scores them by set."""

    def __init__(self) -> None:
        self._pixel: dict[str, list[tuple[float, float]]] = {}
        self._image: dict[str, list[tuple[float, bool]]] = {}

    def update(self, of: str, mask: NDArray[np.float32], score: float, truth: NDArray[np.bool_], forged: bool) -> None:
        """Add one picture.

        Args:
            of: its set.
            mask: (H, W), 0..1.
            score: of detection, 0..1.
            truth: (H, W), true where forged.
            forged: whether the picture is.
        """
        if forged:
            self._pixel.setdefault(of, []).append((auc(mask, truth), f1(mask >= 0.5, truth)))
        self._image.setdefault(of, []).append((score, forged))

    def compute(self) -> dict[str, float]:
        """Scores by name; where a set has no forged picture, or only such, it has no pixel or no image AUC.

        Returns:
            `real_pixel_auc_SET` and `real_f1_SET` (mean over forged pictures; F1 at 0.5), `real_image_auc_SET`, and
            `real_pixel_auc`, `real_f1`, `real_image_auc`: their means over the sets, each of which weighs one.
        """
        of_sets: dict[str, dict[str, float]] = {"real_pixel_auc": {}, "real_f1": {}, "real_image_auc": {}}
        for name, values in self._pixel.items():
            aucs, f1s = np.array(values).T
            if not np.isnan(aucs).all():  # NaN where all of a picture is forged
                of_sets["real_pixel_auc"][name] = float(np.nanmean(aucs))
            of_sets["real_f1"][name] = float(f1s.mean())
        for name, answers in self._image.items():
            scores, forged = zip(*answers, strict=True)
            if len(set(forged)) == 2:
                of_sets["real_image_auc"][name] = auc(scores, forged)
        means = {what: float(np.mean(list(values.values()))) for what, values in of_sets.items() if values}
        return means | {f"{what}_{name}": value for what, values in of_sets.items() for name, value in values.items()}
