"""The public verbs and what a result holds; that importing them is light."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import psccnet
from psccnet.engine.engine import Output
from psccnet.inference import Detector, PictureError, Result
from psccnet.pictures.decoding import decode
from psccnet.pictures.resampling import resample
from psccnet.weights import Card, WeightsError
from psccnet.weights.card import sha256
from psccnet.weights.mask_calibration import MaskCalibration

from ..conftest import texture

PIXELS = texture(0, 45, 70)


def answering(score: float, **card: float) -> Detector:
    """A detector whose network always says the same."""

    def engine(_pixels: np.ndarray, exit_scale: int = 1, gate_below: float | None = None) -> Output:
        gated = gate_below is not None and score < gate_below
        masks = {scale: np.full((8 >> scale, 8 >> scale), 0.7, np.float32) for scale in range(exit_scale, 5)}
        masks[4] = np.full((1, 1), 0.7, np.float32)
        return Output(score, {} if gated else masks)

    return Detector(engine, Card(name="fixed", sha256="0123456789abcdef", **card))


def test_a_result_in_full(detector: Detector, weights_file: Path) -> None:
    result = detector.detect(PIXELS, masks=(1, 3))
    assert (result.width, result.height, result.mask.shape) == (70, 45, (45, 70))
    assert result.mask.dtype == np.float32
    assert 0 <= result.mask.min() < result.mask.max() <= 1
    assert 0 < result.score < 1
    assert {scale: mask.shape for scale, mask in result.masks.items()} == {1: (64, 64), 3: (16, 16)}
    assert np.array_equal(result.mask, resample(result.masks[1], 45, 70))
    assert result.forged_fraction == pytest.approx((result.mask > 0.5).mean())
    assert result.model == f"test {sha256(weights_file)[:12]}"
    assert result.sha256 == decode(PIXELS).sha256
    assert (result.name, result.threshold, result.exit_scale, result.localized) == ("array", 0.5, 1, True)
    assert result.seconds > 0


def test_pictures_differ(detector: Detector) -> None:
    one, other = detector.detect(PIXELS), detector.detect(texture(9, 45, 70))
    assert one.score != other.score
    assert not np.allclose(one.mask, other.mask, atol=1e-4)
    again = detector.detect(PIXELS)
    assert again.score == one.score
    assert np.array_equal(again.mask, one.mask)


def test_every_source_gives_the_same_result(detector: Detector, tmp_path: Path) -> None:
    path = tmp_path / "photograph.png"
    Image.fromarray(PIXELS).save(path)
    sources = [path, str(path), path.read_bytes(), Image.open(path), PIXELS, decode(path)]
    scores = {detector.detect(source).score for source in sources}
    assert len(scores) == 1
    many = list(detector.detect_many([path, texture(9), path], exit_scale=4))
    assert [result.name for result in many] == [str(path), "array", str(path)]
    assert {result.exit_scale for result in many} == {4}


def test_masks_are_upright_with_the_picture(detector: Detector, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(tmp_path / "turned.png", exif=exif)
    result = detector.detect(tmp_path / "turned.png")
    assert (result.width, result.height, result.mask.shape) == (45, 70, (70, 45))
    assert result.notes == ("turned upright (EXIF orientation 6)",)
    assert np.array_equal(result.mask, detector.detect(np.rot90(PIXELS, -1)).mask)


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I;16"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(MODES), st.integers(1, 70), st.integers(1, 70))
def test_any_mode_and_size(detector: Detector, mode: str, width: int, height: int) -> None:
    picture = Image.fromarray(texture(width, height, width))
    picture = Image.new(mode, (width, height), 700) if mode == "I;16" else picture.convert(mode)
    result = detector.detect(picture, masks=(1, 2, 3, 4))
    assert result.mask.shape == (height, width)
    assert 0 <= result.score <= 1
    for mask in (result.mask, *result.masks.values()):
        assert np.isfinite(mask).all()
        assert 0 <= mask.min() <= mask.max() <= 1


@pytest.mark.parametrize("shape", [(1, 50), (50, 1)])
def test_thin_pictures(detector: Detector, shape: tuple[int, int]) -> None:
    result = detector.detect(texture(0, *shape))
    assert result.mask.shape == shape
    assert np.isfinite(result.mask).all()


@pytest.mark.parametrize("exit_scale", [1, 2, 3, 4])
def test_exit_scales(detector: Detector, exit_scale: int) -> None:
    whole = detector.detect(PIXELS, masks=(1, 2, 3, 4))
    part = detector.detect(PIXELS, masks=(1, 2, 3, 4), exit_scale=exit_scale)
    assert set(part.masks) == set(range(exit_scale, 5))
    assert part.exit_scale == exit_scale
    np.testing.assert_allclose(part.mask, resample(whole.masks[exit_scale], 45, 70), atol=1e-5)


def test_the_verdict_is_forged_from_the_threshold_on() -> None:
    assert answering(0.5).detect(PIXELS).verdict == "forged"
    assert answering(0.4999).detect(PIXELS).verdict == "pristine"
    assert answering(0.4, threshold=0.3).detect(PIXELS).verdict == "forged"
    assert answering(0.4, threshold=0.3).detect(PIXELS, threshold=0.6).verdict == "pristine"
    assert answering(0.0).detect(PIXELS, threshold=0.0).verdict == "forged"


def test_the_gate_leaves_zeros_and_says_so() -> None:
    gated = answering(0.4).detect(PIXELS, masks=(1, 2, 3, 4), gate=True)
    assert (gated.localized, gated.masks, gated.forged_fraction, gated.verdict) == (False, {}, 0.0, "pristine")
    assert gated.mask.shape == (45, 70)
    assert gated.mask.dtype == np.float32
    assert not gated.mask.any()
    passed = answering(0.6).detect(PIXELS, gate=True)
    assert passed.localized
    assert passed.forged_fraction == 1.0
    assert answering(0.4).detect(PIXELS, gate=True, threshold=0.4).localized


def test_to_dict_is_complete_and_plain() -> None:
    result = answering(1 / 3).detect(PIXELS[..., 0])
    shown = result.to_dict()
    told = {"words", "false_alarms", "reasons"}  # of the judgement
    assert set(shown) == {field.name for field in fields(Result)} - {"mask", "masks", "judgement"} | told
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    assert (shown["score"], shown["verdict"], shown["notes"]) == (0.333333, "pristine", ["grey converted to RGB"])
    assert "mask" not in repr(result)


@pytest.mark.parametrize("options", [{"exit_scale": 0}, {"exit_scale": 5}, {"masks": (0,)}, {"masks": (1, 5)}])
def test_scales_are_one_to_four(detector: Detector, options: dict) -> None:
    with pytest.raises(ValueError, match="scales are 1, 2, 3 and 4"):
        detector.detect(PIXELS, **options)


def test_errors_name_what_is_wrong(weights_file: Path) -> None:
    detector = answering(0.5)
    detector.max_pixels = 100
    with pytest.raises(PictureError, match="array: 70 x 45"):
        detector.detect(PIXELS)
    with pytest.raises(FloatingPointError, match="array: the network's answer is not a number"):
        answering(float("nan")).detect(PIXELS)
    broken = Output(0.5, {1: np.full((8, 8), np.nan, np.float32)})
    with pytest.raises(FloatingPointError, match="array: the network's answer is not a number"):
        Detector(lambda *_: broken, Card(name="broken")).detect(PIXELS)
    with pytest.raises(WeightsError, match="nowhere"):
        psccnet.load("nowhere")
    with pytest.raises(ValueError, match="backend must be auto, openvino, onnx or torch, not 'tpu'"):
        psccnet.load(weights_file, backend="tpu")
    with pytest.raises(AttributeError, match="colour"):
        _ = psccnet.colour


def test_load_is_public(weights_file: Path) -> None:
    assert (psccnet.Detector, psccnet.Result) == (Detector, Result)
    loaded = psccnet.load(str(weights_file), max_pixels=9)
    assert (loaded.card.name, loaded.max_pixels) == ("test", 9)


@pytest.mark.parametrize(
    "statement",
    [
        "import psccnet",
        "import psccnet.inference, psccnet.inference.rendering",
        "from psccnet import Detector, Result, load",
        "from psccnet.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
        "from psccnet.cli import main\ntry: main(['detect', '--help'])\nexcept SystemExit: pass",
    ],
)
def test_light_imports(statement: str) -> None:
    heavy = ("torch", "cv2", "pytorch_lightning", "sklearn")
    code = f"{statement}\nimport sys; assert not set({heavy}) & set(sys.modules); print('light')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("light\n"), done.stderr


def test_masks_are_calibrated_by_the_card(detector: Detector) -> None:
    picture = texture(3)
    plain = detector.detect(picture, masks=(1, 4))
    calibration = MaskCalibration(slope=2.0, offset=1.5, level=0.3)
    card = detector.card.model_copy(update={"mask_calibration": calibration})
    result = Detector(detector.engine, card).detect(picture, masks=(1, 4))
    for scale in (1, 4):
        assert result.masks[scale] == pytest.approx(calibration(plain.masks[scale]), abs=1e-6)
    assert result.mask == pytest.approx(resample(calibration(plain.masks[1]), *picture.shape[:2]), abs=1e-6)
    assert result.score == plain.score
    assert result.forged_fraction != plain.forged_fraction


def test_a_calibration_moves_no_region(detector: Detector) -> None:
    picture = texture(3)
    calibration = MaskCalibration(slope=2.0, offset=1.5, level=0.3)
    card = detector.card.model_copy(update={"mask_calibration": calibration})
    plain, result = (
        Detector(detector.engine, one).detect(picture, masks=(1,), threshold=0.0) for one in (detector.card, card)
    )
    assert plain.level is not None
    assert result.level is not None
    # At the network's own size, before the mask is resampled.
    marked, same = (one.masks[1] > one.level for one in (plain, result))
    assert marked.any()
    assert (marked == same).mean() > 0.999
