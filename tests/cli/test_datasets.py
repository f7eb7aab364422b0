import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ..conftest import texture
from .conftest import Run


@pytest.fixture
def columbia(tmp_path: Path) -> Path:
    """All of Columbia in miniature, 180 spliced and 183 authentic pictures."""
    folder = tmp_path / "columbia"
    for below in ("4cam_splc/edgemask", "4cam_auth"):
        (folder / below).mkdir(parents=True)
    edges = np.zeros((16, 24, 3), np.uint8)
    edges[..., 0] = 200
    edges[:8, :8] = (0, 200, 0)
    for i in range(183):
        picture = Image.fromarray(texture(i, 16, 24))
        picture.save(folder / "4cam_auth" / f"canong3_{i:03d}.tif")
        if i < 180:
            picture.save(folder / "4cam_splc" / f"canong3_canonxt_sub_{i:03d}.tif")
            Image.fromarray(edges).save(folder / "4cam_splc/edgemask" / f"canong3_canonxt_sub_{i:03d}_edgemask.jpg")
    return folder


def test_list_names_every_set(psccnet: Run) -> None:
    done = psccnet("datasets", "list")
    assert done.status == 0
    for words in ("columbia   test", "180 forged, 183 pristine", "2,010 forged", "uscisi", "training set of the rel"):
        assert words in done.out


def test_check_says_what_is_missing(psccnet: Run, columbia: Path) -> None:
    done = psccnet("datasets", "check", "columbia", columbia)
    assert (done.status, done.err) == (0, "")
    assert "180 of 180 forged, 183 of 183 pristine" in done.out
    assert "The set is complete." in done.out
    for path in sorted(columbia.glob("4cam_splc/edgemask/*"))[:7]:
        path.unlink()
    done = psccnet("datasets", "check", "columbia", columbia)
    assert done.status == 1
    assert "173 of 180 forged" in done.out
    assert "7 forged pictures without a mask, left out:" in done.out
    assert "and 2 more (--all names them)" in done.out
    assert "sub_006.tif" not in done.out
    assert "sub_006.tif" in psccnet("datasets", "check", "columbia", columbia, "--all").out


def test_whole_finds_truncated_files(psccnet: Run, columbia: Path) -> None:
    path = columbia / "4cam_auth" / "canong3_003.tif"
    path.write_bytes(path.read_bytes()[:600])
    assert "1 files that cannot be read" in psccnet("datasets", "check", "columbia", columbia, "--whole").out


def test_checksums(psccnet: Run, columbia: Path, tmp_path: Path) -> None:
    sums = tmp_path / "columbia.sha256"
    done = psccnet("datasets", "check", "columbia", columbia, "--write-sha256", sums)
    assert (done.status, len(sums.read_text().splitlines())) == (0, 543)
    assert psccnet("datasets", "check", "columbia", columbia, "--verify-sha256", sums).status == 0
    (columbia / "4cam_auth" / "canong3_003.tif").write_bytes(b"other")
    (columbia / "4cam_auth" / "canong3_004.tif").unlink()
    done = psccnet("datasets", "check", "columbia", columbia, "--verify-sha256", sums)
    assert done.status == 1
    assert "541 of 543 files" in done.out
    assert done.err.splitlines() == [
        "    4cam_auth/canong3_003.tif: differs",
        "    4cam_auth/canong3_004.tif: missing",
    ]
    sums.write_text("nonsense\n")
    done = psccnet("datasets", "check", "columbia", columbia, "--verify-sha256", sums)
    assert (done.status, "line 1: not a checksum" in done.err) == (2, True)


def test_wrong_words(psccnet: Run, tmp_path: Path) -> None:
    done = psccnet("datasets", "check", "casia3", tmp_path)
    assert (done.status, done.err.startswith("psccnet: There is no data set 'casia3'; known are columbia,")) == (
        2,
        True,
    )
    assert psccnet("datasets", "check", "casia1", tmp_path / "nowhere").status == 2
    done = psccnet("datasets", "check", "casia1", tmp_path)
    assert (done.status, "This is not the layout of casia1" in done.out) == (1, True)


def test_evaluate_reads_a_set_as_it_is(psccnet: Run, small: tuple, columbia: Path) -> None:
    for path in sorted(columbia.glob("4cam_*/*.tif"))[3:-3]:
        path.unlink()
    next(columbia.glob("4cam_splc/edgemask/*_179_*")).unlink()
    done = psccnet("evaluate", columbia, "--dataset", "columbia", "--json", *small)
    assert done.status == 1
    summary = json.loads(done.out)
    assert (summary["pictures"], summary["forged"]) == (5, 2)
    assert "left out: 4cam_splc/canong3_canonxt_sub_179.tif has no mask" in done.err
    for words in (("--dataset", "columbia", "--set", "even"), ("--split", "test")):
        assert psccnet("evaluate", columbia, *words, *small).status == 2
    done = psccnet("evaluate", columbia, "--dataset", "coverage", *small)
    assert (done.status, "see psccnet datasets check" in done.err) == (2, True)
