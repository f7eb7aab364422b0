import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 48, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "photos" / "notes.md").write_text("text")
    return tmp_path / "photos"


def test_scan_query_and_report(psccnet: Run, small: tuple, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = psccnet("scan", photos, "--out", out, *small)
    assert (done.status, done.out) == (1, "")
    assert f"psccnet: {photos}/broken.jpg: not a picture in a supported format.\n" in done.err
    assert "psccnet: 3 pictures examined in" in done.err
    assert done.err.endswith("psccnet: skipped: 1 .md\n")

    again = psccnet("scan", photos, "--out", out, *small)
    assert again.status == 0
    assert "0 pictures examined in 0 s, 4 done before" in again.err
    assert "psccnet: 1 failed before; --retry-failed tries them again" in again.err

    question = "SELECT source, score FROM results WHERE state = 'done' ORDER BY source"
    found = [json.loads(line) for line in psccnet("scan", "query", out, question, "--json").out.splitlines()]
    assert [Path(row["source"]).name for row in found] == ["0.png", "1.png", "2.png"]
    lines = psccnet("scan", "query", out, question).out.splitlines()
    assert lines[0].split() == ["source", "score"]
    assert lines[1].split() == [found[0]["source"], f"{found[0]['score']:.4g}"]

    summed = psccnet("scan", "report", out)
    assert summed.status == 0
    assert [line.split() for line in summed.out.splitlines()[:2]] == [["done", "3"], ["failed", "1"]]
    page = (out / "report.html").read_text()
    assert summed.out.splitlines()[2].split() == ["no", "verdict", "3"]  # of pictures below 64 pixels a side
    assert page.count("data:image/jpeg;base64,") == 3
    assert "not a picture in a supported format." in page
    assert "http://" not in page
    assert "https://" not in page


def test_what_is_wrong_is_said(psccnet: Run, small: tuple, photos: Path, tmp_path: Path) -> None:
    nowhere = psccnet("scan", tmp_path / "gone", "--out", tmp_path / "out", *small)
    assert nowhere[0] == 2
    assert nowhere.err == f"psccnet: {tmp_path}/gone: there is no such file or folder; check the path.\n"
    assert not (tmp_path / "out").exists()
    assert psccnet("scan", "--out", tmp_path / "out").err == "psccnet: give a source, or see psccnet scan --help\n"
    assert "holds no results of a scan" in psccnet("scan", "report", tmp_path).err
    psccnet("scan", photos, "--out", tmp_path / "out", *small)
    wrong = psccnet("scan", "query", tmp_path / "out", "SELECT scoer FROM results")
    assert wrong.status == 2
    assert wrong.err.startswith("psccnet: the query fails: ")
    assert "scoer" in wrong.err


def test_thumbnails_of_an_archive_need_one_pass(
    psccnet: Run, small: tuple, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tarfile

    from psccnet.scan.sources import Sources

    with tarfile.open(tmp_path / "shard!1.tar", "w") as archive:
        archive.add(photos, "photos")
    psccnet("scan", tmp_path / "shard!1.tar", "--out", tmp_path / "out", *small)
    listings, items = [], Sources.items
    monkeypatch.setattr(Sources, "items", lambda self: listings.append(self.names) or items(self))
    psccnet("scan", "report", tmp_path / "out")
    assert (tmp_path / "out" / "report.html").read_text().count("data:image/jpeg;base64,") == 3
    assert listings == [[str(tmp_path / "shard!1.tar")]]
