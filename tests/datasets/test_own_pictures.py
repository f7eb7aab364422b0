"""Lists and folders of one's own: what check calls whole is what evaluation and training use, as it is seen."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.datasets import entry as entries_room
from psccnet.datasets.balanced import BalancedPictures
from psccnet.datasets.catalogue import CATALOGUE, data_set, find
from psccnet.datasets.check import check_files, is_whole, report, usable
from psccnet.datasets.entry import Entry
from psccnet.errors import InputError, PictureError

from ..conftest import texture

TRUTH = np.zeros((24, 32), bool)
TRUTH[3:9, 4:14] = True


def save(path: Path, pixels: np.ndarray, orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif if orientation != 1 else None)
    return path


def mask(truth: np.ndarray = TRUTH) -> np.ndarray:
    return np.ascontiguousarray(truth.astype(np.uint8) * 255)


@pytest.mark.parametrize("layout", ["folders", "json", "listing"])
def test_an_all_black_mask_is_a_pristine_picture_everywhere(tmp_path: Path, layout: str) -> None:
    for i in range(6):
        save(tmp_path / "images" / f"{i}.png", texture(i, 24, 32))
        save(tmp_path / "masks" / f"{i}.png", mask(TRUTH & (i % 2 == 0)))
    pairs = ", ".join(f'["images/{i}.png", "masks/{i}.png"]' for i in range(6))
    (tmp_path / "list.json").write_text(f"[{pairs}]")
    rows = [f"images/{i}.png,masks/{i}.png,{'splicing' if i % 2 == 0 else 'pristine'}" for i in range(6)]
    (tmp_path / "index.csv").write_text("\n".join(["image,mask,manipulation", *rows]))
    found = usable(found := find(layout, tmp_path), check_files(found.entries, whole=True))
    assert is_whole(CATALOGUE[layout], found)
    assert "3 forged, 3 pristine" in report(CATALOGUE[layout], tmp_path, found)
    for one in found.entries:
        sample = one.read()
        assert sample.mask is not None
        assert sample.mask.any() == sample.forged == (int(one.image.stem) % 2 == 0)
    pictures = BalancedPictures(found.entries, 16)
    assert {pictures.sample(i).forged for i in range(8)} == {False, True}
    assert pictures.left_out == {}


def test_what_list_and_mask_say_has_to_agree(tmp_path: Path) -> None:
    image = save(tmp_path / "a.png", texture(0, 24, 32))
    black, white = save(tmp_path / "black.png", mask(TRUTH & False)), save(tmp_path / "white.png", mask())
    label = save(tmp_path / "label.png", TRUTH.astype(np.uint8))
    for entry, words in (
        (Entry("a", image, black, "splicing"), r"black\.png: marks nothing as forged, but a is listed as splicing"),
        (Entry("a", image, white, "pristine"), r"white\.png: marks 7\.8 % as forged, but a is listed as pristine"),
        (Entry("a", image, label, "splicing"), r"label\.png: its highest value is 1 of 255"),
    ):
        with pytest.raises(PictureError, match=words):
            entry.read()
        ((_, problem),) = check_files([entry])
        assert problem is not None
        assert problem.left_out


def test_check_without_decoding_finds_wrong_masks(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.png", texture(0, 24, 32))
    save(tmp_path / "masks" / "a.png", TRUTH.astype(np.uint8))
    found = find("folders", tmp_path)
    checked = usable(found, check_files(found.entries))
    assert not is_whole(CATALOGUE["folders"], checked)
    assert not checked.entries
    found = find("folders:nonzero", tmp_path)
    assert is_whole(CATALOGUE["folders"], usable(found, check_files(found.entries, whole=True)))


def test_names_with_a_rule() -> None:
    assert data_set("folders:black") == (CATALOGUE["folders"], "black")
    assert data_set("casia1") == (CATALOGUE["casia1"], None)
    for words in ("folders:red", "casia1:black", "folders:"):
        with pytest.raises(
            InputError, match="a mask rule is one of white, black, nonzero, green, and works with mani,"
        ):
            data_set(words)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_and_masks_are_upright(tmp_path: Path, orientation: int) -> None:
    pixels = texture(0, 24, 32)
    pixels[TRUTH] = (255, 0, 0)
    image = save(tmp_path / "a.png", pixels, orientation)
    stored = save(tmp_path / "m.png", mask())
    sample = Entry("a", image, stored, "splicing").read()
    assert sample.orientation == orientation
    assert np.array_equal((sample.image == (255, 0, 0)).all(axis=-1), sample.mask)
    if orientation >= 5:  # whose size shows that it is drawn upright
        upright = save(tmp_path / "u.png", mask(np.asarray(sample.mask)))
        assert np.array_equal(Entry("a", image, upright, "splicing").read().mask, sample.mask)
        assert [problem for _, problem in check_files([Entry("a", image, upright, "splicing")])] == [None]
    assert [problem for _, problem in check_files([Entry("a", image, stored, "splicing")], True)] == [None]


def test_what_the_size_does_not_show_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    entries_room._warn_of_assumed_orientation.cache_clear()
    image, truth = save(tmp_path / "a.png", texture(0, 24, 32), 3), save(tmp_path / "m.png", mask())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            Entry("a", image, truth, "splicing", "mine").read()
    assert [record.getMessage() for record in caplog.records] == [
        "mine: some pictures have an EXIF orientation, and the size of their masks does not show whether these follow"
        " the stored pixels or the upright picture; they are assumed to follow the stored pixels."
    ]


def test_a_mask_that_does_not_fit_names_the_orientation(tmp_path: Path) -> None:
    image, truth = save(tmp_path / "a.png", texture(0, 24, 32), 6), save(tmp_path / "m.png", mask(TRUTH[:20]))
    ((_, problem),) = check_files([Entry("a", image, truth, "splicing")])
    assert str(problem) == "a is 24 x 32, its mask m.png 32 x 20 once turned upright by EXIF orientation 6"


def test_a_forgery_that_vanishes_when_squeezed_is_kept(tmp_path: Path) -> None:
    tiny = np.zeros((400, 400), bool)
    tiny[200, 300] = True
    image, truth = save(tmp_path / "a.png", texture(0, 400, 400)), save(tmp_path / "m.png", mask(tiny))
    sample = BalancedPictures([Entry("a", image, truth, "splicing")], 32).sample(0)
    assert sample.mask is not None
    assert np.argwhere(sample.mask).tolist() == [[16, 24]]


def test_a_picture_that_lacks_its_end_is_whole_and_said(tmp_path: Path) -> None:
    Image.fromarray(texture(0, 24, 32)).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-2])
    found = find("folders", tmp_path)
    found = usable(found, check_files(found.entries, whole=True))
    assert is_whole(CATALOGUE["folders"], found)
    assert [str(one) for one in found.problems] == [
        "a.jpg is used, but the end of the file is missing, all pixels are there"
    ]
