"""`psccnet explain` as a new user types it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.inference import Detector
from psccnet.inference.attention import Attention, watched

from .conftest import Run


def test_chosen_pixels(
    psccnet: Run, small: tuple, photo: Path, tmp_path: Path, detector: Detector, weights_file: Path
) -> None:
    out = tmp_path / "new" / "why.png"
    points = ("--point", "10,20", "--point", "59,39")
    done = psccnet("explain", photo, "-o", out, *points, "--scale", 2, "--channel", 3, *small)
    assert (done.status, done.out, done.err) == (0, f"{out}: P1 at 10,20, P2 at 59,39\n", "")
    with watched(detector.engine) as given:
        detector.detect(photo)
    attention = Attention(weights_file)
    with np.load(out.with_suffix(".npz")) as arrays:
        assert arrays["points"].tolist() == [[10, 20], [59, 39]]
        assert np.allclose(arrays["spatial"][1], attention.spatial(given[2], 2, (59 / 60, 39 / 40)), atol=1e-6)
        assert np.allclose(arrays["x"], given[2][3], atol=1e-6)
        assert np.allclose(arrays["y_c"], attention.channel(given[2], 2)[3], atol=1e-5)
    with Image.open(out) as sheet:
        assert sheet.size == (460, 40 + 48)  # the legend is wider than five panels


def test_pixels_are_chosen_where_none_are_named(psccnet: Run, small: tuple, photo: Path, tmp_path: Path) -> None:
    done = psccnet("explain", photo, "-o", tmp_path / "why.png", "--colours", "jet", *small)
    assert done.status == 0
    assert done.out.count("P") == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["PHOTO", "-o", "why.jpg"], "why.jpg: the name of the drawing must end in .png\n"),
        (["PHOTO", "-o", "OUT", "--point", "left"], "--point left: a pixel is X,Y, such as 120,80\n"),
        (["PHOTO", "-o", "OUT", "--point", "60,0"], "has 60 x 40 pixels; give one of them\n"),
        (["PHOTO", "-o", "OUT", "--channel", "999"], "--channel 999: scale 3 has 72 channels, from 0\n"),
        (["PHOTO", "-o", "OUT", "--scale", "5"], "--scale"),
        (["nowhere.jpg", "-o", "OUT"], "nowhere.jpg: there is no such file; check the path.\n"),
    ],
)
def test_wrong_usage(psccnet: Run, small: tuple, photo: Path, tmp_path: Path, words: list[str], message: str) -> None:
    stands_for = {"PHOTO": photo, "OUT": tmp_path / "why.png"}
    done = psccnet("explain", *(stands_for.get(word, word) for word in words), *small)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert not (tmp_path / "why.png").exists()
