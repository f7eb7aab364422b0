from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

import psccnet
from psccnet.cli.inputs import MANIFEST as MANIFEST_HERE
from psccnet.cli.inputs import RESULTS, Finder, Input, MaskRuleName
from psccnet.engine.engine import Output
from psccnet.inference.result_folder import ENDINGS, MANIFEST, ResultFolder
from psccnet.pictures.masks import MaskRule
from psccnet.weights import Card

from ..conftest import texture


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with pictures in folders."""
    for name in ("b.jpg", "a.png", "notes.txt", "claims/one.JPG", "claims/deep/two.tiff", "claims/readme.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*words: str) -> list[tuple[str, str]]:
    return [(source, str(output)) for source, output in Finder().find(words)]


def test_files_are_taken_whatever_their_ending() -> None:
    assert found("b.jpg", "notes.txt") == [("b.jpg", "b.jpg"), ("notes.txt", "notes.txt")]


def test_outputs_of_files_carry_their_names_alone(here: Path) -> None:
    assert found(str(here / "claims" / "one.JPG")) == [(str(here / "claims" / "one.JPG"), "one.JPG")]


def test_folders_are_searched_for_pictures() -> None:
    assert found("claims") == [("claims/deep/two.tiff", "deep/two.tiff"), ("claims/one.JPG", "one.JPG")]
    assert found("claims/") == found("claims")
    assert [source for source, _ in found(".")] == ["a.png", "b.jpg", "claims/deep/two.tiff", "claims/one.JPG"]


def test_globs() -> None:
    assert found("*.png", "*.jp*") == [("a.png", "a.png"), ("b.jpg", "b.jpg")]
    assert found("**/*.tiff") == [("claims/deep/two.tiff", "two.tiff")]
    assert [source for source, _ in found("cl*")] == ["claims/deep/two.tiff", "claims/one.JPG"]


def test_names_with_magic_in_them_are_files_first(here: Path) -> None:
    (here / "photo[1].jpg").touch()
    assert found("photo[1].jpg") == [("photo[1].jpg", "photo[1].jpg")]


def test_standard_input() -> None:
    assert list(Finder().find(["-", "a.png"])) == [Input("-", Path("stdin")), Input("a.png", Path("a.png"))]


@pytest.mark.parametrize("word", ["nothing.jpg", "*.webp", "below/nothing.jpg", "x" * 300])
def test_words_that_fit_nothing_stay(word: str) -> None:
    assert found(word, "a.png") == [(word, Path(word).name), ("a.png", "a.png")]


def test_a_folder_without_pictures_gives_nothing(here: Path) -> None:
    (here / "empty").mkdir()
    assert found("empty") == []
    assert found() == []


def test_results_of_an_earlier_run_are_no_inputs(tmp_path: Path) -> None:
    for name in ("a.png", "results/a.png.mask.png", "results/a.png-evidence-copy-move.png", "results-of-others/b.png"):
        (tmp_path / "mine" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "mine" / name).touch()
    kept = Finder(Path("mine/results")).find(["mine"])
    assert [Path(source).name for source, _ in kept] == ["a.png", "b.png"]


@pytest.mark.parametrize("out", ["mine", ".", "mine/results"])
def test_results_may_lie_beside_the_pictures(tmp_path: Path, out: str) -> None:
    (tmp_path / "mine" / "results").mkdir(parents=True)
    Image.fromarray(texture(0, 16, 16)).save(tmp_path / "mine" / "a.png")
    result = psccnet.Detector(lambda *_: Output(0.5, {4: np.ones((2, 2), np.float32)}), Card(name="fixed")).detect(
        tmp_path / "mine" / "a.png"
    )
    ResultFolder(tmp_path / out).write(result, texture(0, 16, 16), Path("a.png"))
    finder = Finder(Path(out))
    assert [source for source, _ in finder.find(["mine"])] == ["mine/a.png"]
    assert not +finder.others


def test_the_names_of_results_are_those_that_are_written() -> None:
    assert (RESULTS, MANIFEST_HERE) == (ENDINGS, MANIFEST)


def test_the_rules_of_masks_are_those_of_pictures() -> None:
    assert get_args(MaskRuleName) == get_args(MaskRule)


def test_what_is_no_picture_is_counted(here: Path) -> None:
    for name in ("._b.jpg", "Thumbs.db", "IMG_1.NEF", "claims/two.nef", "__MACOSX/a.jpg"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).touch()
    Image.fromarray(texture(0, 8, 8)).save(here / "claims" / "download", "PNG")
    finder = Finder()
    assert [found.source for found in finder.find(["."])] == [
        "a.png",
        "b.jpg",
        "claims/deep/two.tiff",
        "claims/download",
        "claims/one.JPG",
    ]
    assert finder.others == {".txt": 1, ".md": 1, ".nef": 2}


@pytest.mark.parametrize("separator", ["\n", "\0"])
def test_a_list_names_files_and_folders(here: Path, separator: str) -> None:
    (here / "list").write_text(separator.join(["b.jpg", "*.png", "claims", "gone.png"]))
    inputs = [(found.source, str(found.output)) for found in Finder().find_listed(Path("list"))]
    folder = [("claims/deep/two.tiff", "deep/two.tiff"), ("claims/one.JPG", "one.JPG")]
    assert inputs == [("b.jpg", "b.jpg"), ("*.png", "*.png"), *folder, ("gone.png", "gone.png")]


def test_links_to_nothing_and_folders_without_permission_are_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    (here / "claims" / "gone.png").symlink_to(here / "nowhere.png")
    scandir = os.scandir

    def refuse(path: object) -> object:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr("psccnet.pictures.picture_files.os.scandir", refuse)
    failures: list[str] = []
    assert [found.source for found in Finder(failed=failures.append).find(["claims"])] == ["claims/one.JPG"]
    assert failures == [
        "claims/deep: cannot be listed (Permission denied); check permissions.",
        "claims/gone.png: a link to a file that does not exist; correct or remove it.",
    ]


def test_a_folder_is_searched_as_its_pictures_are_wanted(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for number in range(3):
        (here / f"{number}").mkdir()
        (here / f"{number}" / "a.png").touch()
    scandir, listed = os.scandir, []
    monkeypatch.setattr(
        "psccnet.pictures.picture_files.os.scandir", lambda path: listed.append(str(path)) or scandir(path)
    )
    assert next(Finder().find(["."])).source == "0/a.png"
    assert listed == [".", "0"]
