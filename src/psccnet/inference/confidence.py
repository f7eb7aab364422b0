"""How far a mask can be trusted at each pixel: the probability that what it says at 0.5 is right."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from psccnet.inference.result import Result
from psccnet.pictures.resampling import resample

Map = NDArray[np.float32]

NAMES = ("finest", "coarser")
"""Measured at each pixel: log-odds of the mask, and the mean of those of masks 2 to 4, for what the mask says."""
PRISTINE = {"constant": 2.56, "finest": 0.29, "coarser": 0.78}
FORGED = {"constant": -2.69, "finest": 0.43, "coarser": 0.56}
"""What they are worth where the mask says pristine, and where it says forged: logistic regressions on 52 synthetic
forgeries of validation photographs, with the weights `default` (`benchmarks/confidence.py fit`). Mirrored pictures were
tried, too, and added nothing."""
FARTHEST = 6.0
"""Log-odds beyond which more are worth no more."""


def confidence(mask: Map, masks: Mapping[int, Map]) -> Map:
    """The probability that a mask at 0.5 is right about a pixel, told by how far its scales agree.

    Args:
        mask: (H, W) float32, 0..1, as people see it.
        masks: scale -> (h, w) float32, 0..1, of the network, calibrated. Of those finer than the exit scale, which are
            missing, nothing is told.

    Returns:
        (H, W) float32, 0..1.
    """
    forged = resample(mask, *masks[min(masks)].shape) > 0.5
    odds = np.where(forged, np.float32(FORGED["constant"]), np.float32(PRISTINE["constant"]))
    for name, values in measurements(mask, masks).items():
        odds += np.where(forged, np.float32(FORGED[name]), np.float32(PRISTINE[name])) * values
    return resample((1 / (1 + np.exp(-odds))).astype(np.float32), *mask.shape)


def measurements(mask: Map, masks: Mapping[int, Map]) -> dict[str, Map]:
    """The measurements by name, (h, w) float32 each; see `confidence`."""
    shape = masks[min(masks)].shape
    finest = resample(mask, *shape)
    speaks_for = np.where(finest > 0.5, np.float32(1), np.float32(-1))
    coarser = [
        _log_odds(resample(masks[scale], *shape)) if scale in masks else _log_odds(finest) for scale in (2, 3, 4)
    ]
    measured = (_log_odds(finest), np.asarray(np.mean(coarser, axis=0), np.float32))
    return {name: speaks_for * values for name, values in zip(NAMES, measured, strict=True)}


def with_confidence(result: Result, kept: Collection[int]) -> Result:
    """The result with its confidence, and of the network's masks those of the scales in `kept`."""
    masks = {scale: mask for scale, mask in result.masks.items() if scale in kept}
    return replace(result, confidence=confidence(result.mask, result.masks) if result.masks else None, masks=masks)


def _log_odds(values: Map) -> Map:
    bounded = np.clip(values, 1e-6, 1 - 1e-6)
    return np.asarray(np.clip(np.log(bounded / (1 - bounded)), -FARTHEST, FARTHEST), np.float32)
