"""The confidence of masks: where it is high, where it is low, and that it changes nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from psccnet.inference import Detector
from psccnet.inference.confidence import FORGED, NAMES, PRISTINE, confidence
from psccnet.inference.rendering import confidence_with_legend, mask_with_legend
from psccnet.inference.result_folder import ResultFolder
from psccnet.pictures.resampling import resample

from ..conftest import texture

PIXELS = texture(0, 45, 70)


def flat(*values: float) -> dict[int, np.ndarray]:
    """Masks 1 to 4 of one value each."""
    return {
        scale: np.full((16 >> scale, 16 >> scale), value, np.float32) for scale, value in enumerate(values, start=1)
    }


def at(mask: float, *coarser: float) -> float:
    told = confidence(np.full((9, 7), mask, np.float32), flat(mask, *coarser))
    assert told.shape == (9, 7)
    assert told.dtype == np.float32
    assert np.ptp(told) < 1e-6
    return float(told[0, 0])


def test_masks_that_agree_are_trusted_more() -> None:
    assert at(0.05, 0.05, 0.05, 0.05) > at(0.05, 0.5, 0.5, 0.5) > at(0.05, 0.95, 0.95, 0.95)
    assert at(0.95, 0.95, 0.95, 0.95) > at(0.95, 0.05, 0.05, 0.05)
    assert at(0.01, 0.01, 0.01, 0.01) > at(0.4, 0.4, 0.4, 0.4)


def test_it_is_a_probability_by_the_weights() -> None:
    odds = PRISTINE["constant"] + sum(PRISTINE[name] for name in NAMES) * np.log(4)
    assert at(0.2, 0.2, 0.2, 0.2) == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-5)
    odds = FORGED["constant"] + sum(FORGED[name] for name in NAMES) * np.log(4)
    assert at(0.8, 0.8, 0.8, 0.8) == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-5)
    for extreme in (0.0, 1.0):
        assert 0 <= at(extreme, 1.0, 0.0, 0.5) <= 1


def test_scales_that_were_not_computed_say_nothing() -> None:
    mask = np.full((9, 7), 0.3, np.float32)
    assert np.array_equal(
        confidence(mask, {4: np.full((4, 4), 0.3, np.float32)})[0], confidence(mask, flat(*[0.3] * 4))[0]
    )


def test_it_judges_the_mask_that_people_see() -> None:
    mask = np.full((8, 8), 0.1, np.float32)
    mask[:, 4:] = 0.75  # a trace outlines this half; the network sees nothing
    told = confidence(mask, flat(0.1, 0.1, 0.1, 0.1))
    assert told[:, :3].min() > told[:, 5:].max()


def test_the_detector_tells_it_on_request(detector: Detector) -> None:
    plain, asked = detector.detect(PIXELS), detector.detect(PIXELS, confidence=True)
    assert (plain.confidence, plain.mean_confidence, plain.to_dict()["confidence"]) == (None, None, None)
    assert asked.confidence is not None
    assert asked.confidence.shape == asked.mask.shape
    assert np.array_equal(asked.mask, plain.mask)
    assert asked.masks.keys() == plain.masks.keys()
    assert asked.to_dict()["confidence"] == pytest.approx(asked.confidence.mean(), abs=1e-5)
    (one,) = detector.detect_many([PIXELS], confidence=True)
    assert np.array_equal(one.confidence, asked.confidence)
    gated = detector.detect(PIXELS, confidence=True, gate=True, threshold=1.0)
    assert (gated.localized, gated.confidence) == (False, None)


def test_it_is_drawn_with_a_legend_and_named(detector: Detector, tmp_path: Path) -> None:
    result = detector.detect(PIXELS, confidence=True)
    kinds = ("mask", "confidence")
    written = ResultFolder(tmp_path).write(result, PIXELS, Path("photo.jpg"), kinds)
    assert [path.name for path in written] == ["photo.jpg.mask.png", "photo.jpg.confidence.png"]
    said = json.loads((tmp_path / "psccnet-results.jsonl").read_text())
    assert said["files"] == ["photo.jpg.mask.png", "photo.jpg.confidence.png"]
    assert confidence_with_legend(result).shape == mask_with_legend(result).shape
    without = replace(result, confidence=None)
    assert len(ResultFolder(tmp_path).write(without, PIXELS, Path("photo.jpg"), kinds)) == 1
    with pytest.raises(ValueError, match="no confidence"):
        confidence_with_legend(without)


def test_calls_are_those_of_the_resampled_mask() -> None:
    random = np.random.default_rng(0)
    masks = {scale: random.random((16 >> scale, 16 >> scale), np.float32) for scale in (1, 2, 3, 4)}
    told = confidence(resample(masks[1], 40, 30), masks)
    assert (told >= 0).all()
    assert (told <= 1).all()
