"""Validation on real pictures, each at its own size, with scores for each set."""

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
"""Larger pictures are reduced to this many pixels, so that a validation is fast."""


class RealPicture(TypedDict):
    """A picture: picture (3, H, W) uint8; mask (1, H, W) uint8, 0 or 1; fault: why it is left out, or ""."""

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
        """A picture; if it cannot be read, an empty one with the reason as `fault`."""
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
    """Reduce picture and mask to at most `max_pixels` by area averaging; a small forged region does not vanish."""
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
    """Collects predictions on real pictures and computes scores for each set."""

    def __init__(self) -> None:
        self._pixel: dict[str, list[tuple[float, float]]] = {}
        self._image: dict[str, list[tuple[float, bool]]] = {}

    def update(
        self, set_name: str, mask: NDArray[np.float32], score: float, truth: NDArray[np.bool_], forged: bool
    ) -> None:
        """Add one picture.

        Args:
            set_name: of the picture.
            mask: (H, W), 0..1.
            score: of detection, 0..1.
            truth: (H, W), true where forged.
            forged: whether the picture is forged.
        """
        if forged:
            self._pixel.setdefault(set_name, []).append((auc(mask, truth), f1(mask >= 0.5, truth)))
        self._image.setdefault(set_name, []).append((score, forged))

    def compute(self) -> dict[str, float]:
        """Scores by name. A set without forged pictures has no pixel AUC; one with forged pictures only, no image AUC.

        Returns:
            `real_pixel_auc_SET` and `real_f1_SET` (means over forged pictures; F1 at 0.5), `real_image_auc_SET`, and
            `real_pixel_auc`, `real_f1`, `real_image_auc`, their means over the sets with equal weights.
        """
        by_set: dict[str, dict[str, float]] = {"real_pixel_auc": {}, "real_f1": {}, "real_image_auc": {}}
        for name, values in self._pixel.items():
            aucs, f1s = np.array(values).T
            if not np.isnan(aucs).all():  # NaN if a picture is forged completely
                by_set["real_pixel_auc"][name] = float(np.nanmean(aucs))
            by_set["real_f1"][name] = float(f1s.mean())
        for name, predictions in self._image.items():
            scores, forged = zip(*predictions, strict=True)
            if len(set(forged)) == 2:
                by_set["real_image_auc"][name] = auc(scores, forged)
        means = {metric: float(np.mean(list(values.values()))) for metric, values in by_set.items() if values}
        return means | {
            f"{metric}_{name}": value for metric, values in by_set.items() for name, value in values.items()
        }
