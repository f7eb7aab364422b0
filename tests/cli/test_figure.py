from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Run as Command


@pytest.mark.parametrize("number", ["5", "7", "8", "9", "10", "11"])
def test_each_figure(psccnet: Command, weights_file: Path, listed_set: Path, tmp_path: Path, number: str) -> None:
    words = ["figure", number, "--set", f"listing={listed_set}", "--comparator", weights_file, "--count", 2]
    done = psccnet(*words, "--out", tmp_path / "f.png", "--precision", "float32", "--device", "cpu")
    assert done.status == 0, done.err
    assert done.out.split() == [str(tmp_path / "f.png"), str(tmp_path / "f.pdf")]
    pixels = np.asarray(Image.open(tmp_path / "f.png").convert("L"))
    assert pixels.std() > 10
    assert (tmp_path / "runs").exists() == (number in ("7", "11"))


def test_named_pictures(psccnet: Command, listed_set: Path, tmp_path: Path) -> None:
    words = ("figure", "5", "--set", f"listing={listed_set}", "--comparator", "centre", "--out", tmp_path / "f.png")
    assert psccnet(*words, "--picture", "2.png").status == 0
    missing = psccnet(*words, "--picture", "9.png")
    assert missing.status == 2
    assert "there is no 9.png in these sets" in missing.err


def test_sets_that_lack_what_a_figure_shows(psccnet: Command, listed_set: Path, tmp_path: Path) -> None:
    (listed_set / "index.csv").write_text("image,mask,manipulation\n0.png,,pristine\n3.png,,pristine\n")
    words = ("--set", f"listing={listed_set}", "--comparator", "centre", "--out", tmp_path / "f.png")
    for number, message in (("5", "no forged picture"), ("7", "lack one of them")):
        done = psccnet("figure", number, *words)
        assert done.status == 2
        assert message in done.err
    assert not (tmp_path / "f.png").exists()
