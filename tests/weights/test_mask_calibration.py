import numpy as np
import pytest

from psccnet.metrics import f1, histogram
from psccnet.weights.mask_calibration import MaskCalibration


def masks(scale: float, shift: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Masks whose logits were scaled and shifted, so that 0.5 is no border any more."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(12):
        truth = rng.random((40, 50)) < 0.2
        logits = scale * (rng.normal(0, 1, truth.shape) + np.where(truth, 1.5, -1.5)) + shift
        made.append(((1 / (1 + np.exp(-logits))).astype(np.float32), truth))
    return made


def mean_f1(pictures: list[tuple[np.ndarray, np.ndarray]], level: float) -> float:
    return float(np.mean([f1(mask > level, truth) for mask, truth in pictures]))


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.5, -4.0), (2.0, 3.0)])
def test_at_one_half_f1_is_that_of_the_best_threshold(scale: float, shift: float) -> None:
    pictures = masks(scale, shift)
    learnt = MaskCalibration.from_histograms(histogram(*picture) for picture in pictures)
    levels = np.linspace(0.001, 0.999, 999)
    best = max(mean_f1(pictures, level) for level in levels)
    calibrated = [(learnt(mask), truth) for mask, truth in pictures]
    assert mean_f1(calibrated, 0.5) == pytest.approx(best, abs=0.005)
    assert learnt.f1 == pytest.approx(best, abs=0.005)
    assert learnt.f1_before == pytest.approx(mean_f1(pictures, 0.5), abs=0.005)
    assert learnt.pictures == 12


def test_the_slope_brings_values_to_what_they_mean() -> None:
    learnt = MaskCalibration.from_histograms(histogram(*picture) for picture in masks(0.25, -2.0))
    # Logits of normal classes 3 apart have slope 3, of which a quarter is left.
    assert learnt.slope == pytest.approx(4.0, rel=0.35)
    mask = np.array([[learnt.level, 0.0, 1.0]], np.float32)
    calibrated = learnt(mask)
    assert calibrated[0, 0] == pytest.approx(0.5, abs=0.01)
    assert (calibrated.dtype, calibrated.shape) == (np.float32, (1, 3))
    assert np.isfinite(calibrated).all()


def test_the_order_of_values_stays() -> None:
    learnt = MaskCalibration(slope=1.7, offset=2.0, level=0.2)
    values = np.sort(np.random.default_rng(1).random(1000).astype(np.float32))
    assert (np.diff(learnt(values)) >= 0).all()
