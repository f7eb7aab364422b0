"""Files of results: what they hold, whose they are, and that none replaces another picture's."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.errors import InputError
from psccnet.inference import Result
from psccnet.inference.rendering import confidence_with_legend, mask_with_legend, overlay_with_legend, progression
from psccnet.inference.result_folder import KINDS, MANIFEST, ResultFolder, write_pictures
from psccnet.pictures.resampling import resample

from ..conftest import texture

NAME = Path("photo.jpg")


def result_for(seed: int = 0, sha256: str = "a" * 64) -> Result:
    rng = np.random.default_rng(seed)
    masks = {scale: rng.random((64 >> scale, 64 >> scale), np.float32) for scale in (1, 2, 3, 4)}
    mask = resample(masks[1], 30, 41)
    shown = {"level": 0.5, "confidence": 1 - mask}
    return Result(f"{seed}/photo.jpg", 0.5, "forged", 0.5, mask, masks, 0.5, 41, 30, sha256, "", 0.0, **shown)


def read(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
    return picture


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def test_the_files_hold_the_result(tmp_path: Path) -> None:
    result, pixels = result_for(), texture(0, 30, 41)
    paths = write_pictures(result, pixels, tmp_path / "new" / "below" / NAME, KINDS)
    assert [path.name for path in paths] == [f"photo.jpg.{kind}.png" for kind in KINDS]
    assert names(tmp_path) == sorted(path.relative_to(tmp_path).as_posix() for path in paths)
    drawn, sixteen, over, strip, sure = (read(path) for path in paths)
    assert (drawn.mode, sixteen.mode, over.mode) == ("RGB", "I;16", "RGB")
    assert np.abs(np.asarray(sixteen) / 65535 - result.mask).max() <= 0.5 / 65535 + 1e-6
    assert np.array_equal(np.asarray(drawn), mask_with_legend(result))
    assert np.array_equal(np.asarray(over), overlay_with_legend(pixels, result))
    assert np.array_equal(np.asarray(strip), progression(pixels, result))
    assert np.array_equal(np.asarray(sure), confidence_with_legend(result))


def test_the_mask_and_the_overlay_unless_told_otherwise(tmp_path: Path) -> None:
    ResultFolder(tmp_path).write(result_for(), texture(0, 30, 41), NAME)
    assert names(tmp_path) == ["photo.jpg.mask.png", "photo.jpg.overlay.png"]


def test_a_second_run_replaces_its_own_files_only(tmp_path: Path) -> None:
    pixels, others = texture(0, 30, 41), result_for(1, "b" * 64)
    mine = ResultFolder(tmp_path).write(result_for(), pixels, NAME, ("mask16",))
    theirs = ResultFolder(tmp_path).write(others, pixels, NAME, ("mask16",))
    assert [path.name for path in mine + theirs] == ["photo.jpg.mask16.png", "photo.jpg-bbbbbbbbbbbb.mask16.png"]
    before = theirs[0].read_bytes()
    again = ResultFolder(tmp_path).write(replace(result_for(), mask=others.mask * 0), pixels, NAME, ("mask16",))
    assert again == mine
    assert not np.asarray(read(mine[0])).any()
    assert theirs[0].read_bytes() == before
    assert ResultFolder(tmp_path).write(others, pixels, NAME, ("mask16",)) == theirs


def test_files_that_nobody_accounts_for_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg.overlay.png").write_bytes(b"mine")
    written = ResultFolder(tmp_path).write(result_for(), texture(0, 30, 41), NAME, ("mask",))
    assert [path.name for path in written] == ["photo.jpg-aaaaaaaaaaaa.mask.png"]
    assert (tmp_path / "photo.jpg.overlay.png").read_bytes() == b"mine"


def test_the_manifest_says_whose_files_they_are(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "out")
    folder.write(result_for(), texture(0, 30, 41), Path("deep") / NAME, ("mask",))
    folder.write(result_for(1, "b" * 64), texture(0, 30, 41), Path("deep") / NAME, ("mask",))
    lines = [json.loads(line) for line in (tmp_path / "out" / MANIFEST).read_text().splitlines()]
    assert [line["picture"] for line in lines] == ["0/photo.jpg", "1/photo.jpg"]
    assert [line["sha256"][0] for line in lines] == ["a", "b"]
    assert sorted(file for line in lines for file in line["files"]) == names(tmp_path / "out")


def test_a_manifest_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    ResultFolder(tmp_path).write(result_for(), texture(0, 30, 41), NAME, ("mask",))
    manifest = tmp_path / MANIFEST
    whole = manifest.read_text()
    manifest.write_text(whole + whole[:20])
    ResultFolder(tmp_path).write(result_for(1, "b" * 64), texture(0, 30, 41), NAME, ("mask",))
    assert [json.loads(line)["sha256"][0] for line in manifest.read_text().splitlines()] == ["a", "b"]


@pytest.mark.parametrize("line", ["no JSON", "[]", '{"stem": "a"}'])
def test_what_is_no_manifest_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / MANIFEST).write_text(line + "\n")
    with pytest.raises(InputError, match=f"{MANIFEST}, line 1: "):
        ResultFolder(tmp_path)


@pytest.mark.parametrize("failing_call", [1, 3])
def test_nothing_is_left_half_written(tmp_path: Path, fill_disk: Callable[[int], None], failing_call: int) -> None:
    fill_disk(failing_call)
    with pytest.raises(OSError, match="No space left"):
        write_pictures(result_for(), texture(0, 30, 41), tmp_path / NAME, KINDS)
    assert list(tmp_path.iterdir()) == []
