from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.engine.engine import Output
from psccnet.errors import InputError
from psccnet.inference import Detector
from psccnet.inference.calibrating import calibrate
from psccnet.weights import Card

from ..conftest import texture


def brightness(pixels: np.ndarray, *_: object) -> Output:
    """A network whose score is the picture's brightness."""
    return Output(float(pixels.mean()) / 255, {1: np.zeros((4, 4), np.float32)})


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    paths = []
    for number in range(45):
        height, width = (300, 280) if number % 3 else (140, 200)
        pixels = (texture(number, height, width).astype(np.float32) * (0.3 + number / 64)).astype(np.uint8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def test_photographs_are_scored_whole_and_in_crops(photographs: list[Path]) -> None:
    calibration = calibrate(Detector(brightness, Card(name="bright")), photographs, "made here")
    # 15 of 140 pixels, and 45 crops of 128; 30 of 280 pixels and as many crops of 256.
    assert calibration.pictures == {"small": 60, "medium": 60}
    assert calibration.of == "made here"
    known = [score for score in calibration.scores["medium"] if score is not None]
    assert known == sorted(known)
    assert calibration.false_alarms(known[-1] + 0.2, 280) <= 0.05
    assert calibration.false_alarms(0.0, 280) == 1


def test_what_cannot_be_read_is_told(photographs: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"nothing")
    told: list[object] = []
    calibrate(Detector(brightness, Card(name="b")), [broken, *photographs], failed=lambda path, _: told.append(path))
    assert told == [broken]
    with pytest.raises(InputError, match="needs 40 at least"):
        calibrate(Detector(brightness, Card(name="b")), photographs[:39])
