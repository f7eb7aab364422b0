"""`psccnet report` as a new user types it."""

from pathlib import Path

import pytest
from PIL import Image

from psccnet.inference import Detector

from ..conftest import texture
from .conftest import Run


def test_a_report_as_html(psccnet: Run, small: tuple, photo: Path, tmp_path: Path, detector: Detector) -> None:
    out = tmp_path / "new" / "report.html"
    done = psccnet("report", photo, "-o", out, "--no-evidence", *small)
    result = detector.detect(photo)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [f"{result.words:<13}  score {result.score:.3f}  {photo}", str(out)]
    page = out.read_text()
    for part in (f"<b>{result.words}</b>", result.sha256, detector.card.sha256, f"score {result.score:.3f}"):
        assert part in page
    assert "Nobody has measured" in page


def test_other_traces_are_in_it(psccnet: Run, small: tuple, tmp_path: Path) -> None:
    Image.fromarray(texture(3, 80, 100)).save(tmp_path / "photo.jpg")
    assert psccnet("report", tmp_path / "photo.jpg", "-o", tmp_path / "r.html", *small).status == 0
    page = (tmp_path / "r.html").read_text()
    for part in ("<h3>Other traces</h3>", "<h4>Copied parts", "<h4>JPEG squares", "How to read it: ", "looked for"):
        assert part in page


@pytest.mark.usefixtures("paper")
def test_a_report_as_pdf(psccnet: Run, small: tuple, photo: Path, tmp_path: Path) -> None:
    assert psccnet("report", photo, "--out", tmp_path / "r.PDF", *small).status == 0
    assert (tmp_path / "r.PDF").read_bytes().startswith(b"%PDF-")


def test_bad_files_are_named_in_the_report(psccnet: Run, small: tuple, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "words.jpg").write_text("words")
    (tmp_path / "photo.png.overlay.png").write_bytes(photo.read_bytes())  # of an earlier run
    done = psccnet("report", tmp_path, "nowhere.jpg", "-o", tmp_path / "r.html", *small)
    assert done.status == 1
    assert "psccnet: left out: nowhere.jpg: there is no such file" in done.err
    page = (tmp_path / "r.html").read_text()
    assert "nowhere.jpg: there is no such file; check the path." in page
    assert "words.jpg: not a picture" in page
    assert "overlay.png" not in page


def test_the_threshold_is_said(psccnet: Run, small: tuple, photo: Path, tmp_path: Path) -> None:
    done = psccnet(
        "report", photo, "-o", tmp_path / "r.html", "--threshold", 0, "--exit-scale", 3, "--no-evidence", *small
    )
    assert done.out.startswith("forged")
    page = (tmp_path / "r.html").read_text()
    assert "0, from the command line" in page
    assert "Mask 3, the finest" in page
    assert "Mask 1" not in page


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["PHOTO", "-o", "r.txt"], 2, "r.txt: the name of a report must end in .html or .pdf\n"),
        (["-o", "r.html"], 2, "give a picture, or see psccnet report --help\n"),
        (["PHOTO"], 2, "--out"),
        (["nowhere.jpg", "-o", "OUT"], 2, "not written, since none of the pictures could be examined\n"),
        (["PHOTO", "-o", "PHOTO/r.html"], 2, "there is a file where a folder is needed"),
    ],
)
def test_wrong_usage(
    psccnet: Run, small: tuple, photo: Path, tmp_path: Path, words: list[str], status: int, message: str
) -> None:
    typed = [word.replace("PHOTO", str(photo)).replace("OUT", str(tmp_path / "r.html")) for word in words]
    done = psccnet("report", *typed, *small)
    assert done.status == status
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "r.html").exists()
