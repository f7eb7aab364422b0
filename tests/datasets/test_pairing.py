from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from PIL import Image

from psccnet.datasets.catalogue import find
from psccnet.datasets.pairing import pair
from psccnet.errors import InputError

from ..conftest import texture

PICTURES, MASKS = Path("images"), Path("masks")


def paired(pictures: list[str], masks: list[str]) -> dict[str, str]:
    pairs = pair([PICTURES / one for one in pictures], PICTURES, [MASKS / one for one in masks], MASKS)
    assert len(pairs.masks) + len(pairs.alone) + sum(
        one in pairs.doubtful for one in map(PICTURES.joinpath, pictures)
    ) == len(pictures)
    return {
        picture.relative_to(PICTURES).as_posix(): mask.relative_to(MASKS).as_posix()
        for picture, mask in pairs.masks.items()
    }


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("a.jpg", "a.png"),
        ("a.jpg", "a.jpg.png"),
        ("a.JPG", "a.jpg.PNG"),
        ("a.png", "a.png"),
        ("a.jpg", "a_GT.png"),
        ("a.jpg", "a_gt.tif"),
        ("a.JPEG", "a_mask.PNG"),
        ("a.jpg", "a_groundtruth.bmp"),
        ("a.jpg", "a-ground_truth.png"),
        ("a.jpg", "a_Masks.png"),
        ("a.jpg", "mask_a.png"),
        ("a.jpg", "a.jpg_mask.png"),
        ("a.jpg", "a_mask.jpg.png"),
        ("A.jpg", "a.png"),
        ("x/a.b.jpg", "x/a.b.png"),
        ("x/a.b.jpg", "x/a.b_gt.png"),
        (normalize("NFC", "Café_é.jpg"), normalize("NFD", "Café_é.png")),
        (normalize("NFD", "Grüße.jpg"), normalize("NFC", "Grüße_GT.png")),
    ],
)
def test_names_that_belong_together(picture: str, mask: str) -> None:
    assert paired([picture], [mask]) == {picture: mask}


@pytest.mark.parametrize(
    ("picture", "mask"), [("a.jpg", "b.png"), ("a.jpg", "x/a.png"), ("gt.jpg", "mask.png"), ("a1.jpg", "a.png")]
)
def test_names_that_do_not(picture: str, mask: str) -> None:
    pairs = pair([PICTURES / picture], PICTURES, [MASKS / mask], MASKS)
    assert (pairs.masks, pairs.alone, pairs.spare) == ({}, [PICTURES / picture], [MASKS / mask])


def test_the_nearest_name_goes_first() -> None:
    assert paired(["a.jpg", "a.tif"], ["a.jpg.png", "a.tif.png"]) == {"a.jpg": "a.jpg.png", "a.tif": "a.tif.png"}
    assert paired(["a.jpg", "A.jpg"], ["a.png", "A.png"]) == {"a.jpg": "a.png", "A.jpg": "A.png"}
    assert paired(["a.jpg", "a_mask.jpg"], ["a_gt.png", "a_mask.png"]) == {
        "a.jpg": "a_gt.png",
        "a_mask.jpg": "a_mask.png",
    }


@pytest.mark.parametrize(
    ("pictures", "masks", "doubtful"),
    [
        (["a.jpg"], ["a.png", "a_gt.png"], {"images/a.jpg": "has several masks: a.png, a_gt.png; keep one"}),
        (["a.jpg"], ["a.png", "a.jpg.png"], {"images/a.jpg": "has several masks: a.jpg.png, a.png; keep one"}),
        (["a.jpg"], ["a.png", "a.tif"], {"images/a.jpg": "has several masks"}),
        (
            ["a.jpg", "a.tif", "b.jpg"],
            ["a.png", "b.png"],
            {
                "images/a.jpg": "shares the mask",
                "images/a.tif": "",
                "masks/a.png": "fits several pictures: a.jpg, a.tif",
            },
        ),
    ],
)
def test_what_several_fit_is_named_and_not_guessed(
    pictures: list[str], masks: list[str], doubtful: dict[str, str]
) -> None:
    for order in (1, -1):
        pairs = pair(
            [PICTURES / one for one in pictures[::order]], PICTURES, [MASKS / one for one in masks[::order]], MASKS
        )
        found = {path.as_posix(): text for path, text in pairs.doubtful.items()}
        assert found.keys() == doubtful.keys()
        assert all(doubtful[path] in found[path] for path in found)


def save(path: Path, forged: bool | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if forged is None:
        Image.fromarray(texture(1, 20, 30)).save(path)
        return
    truth = np.zeros((20, 30), np.uint8)
    truth[3:9, 4:12] = 255 * forged
    Image.fromarray(truth).save(path)


def test_pictures_that_cannot_be_paired_are_never_pristine(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        save(tmp_path / "images" / f"{name}.jpg")
    save(tmp_path / "masks" / "a.jpg.png", True)
    save(tmp_path / "masks" / "b_GT.png", False)
    found = find("folders", tmp_path)
    assert {entry.id: entry.manipulation for entry in found.entries} == {
        "images/a.jpg": "unspecified",
        "images/b.jpg": "pristine",
    }
    assert [str(problem) for problem in found.problems] == [
        "images/c.jpg has no mask; a pristine picture needs an all-black mask, or belongs in pristine/"
    ]


def test_a_folder_of_masks_without_any_pair_is_an_error(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.jpg")
    (tmp_path / "masks").mkdir()
    with pytest.raises(
        InputError, match=r"no picture has a mask: pictures are a\.jpg, masks nothing; the mask of NAME\.jpg is called"
    ):
        find("folders", tmp_path)
    save(tmp_path / "masks" / "b.png", True)
    with pytest.raises(
        InputError, match=r"no picture has a mask: pictures are a\.jpg, masks b\.png; the mask of NAME\.jpg is called"
    ):
        find("folders", tmp_path)
    save(tmp_path / "mani" / "Tp" / "a.jpg")
    with pytest.raises(InputError, match="no picture has a mask"):
        find("mani", tmp_path / "mani")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["masks/a.png", "photos/a.jpg"], "has masks/ but no images/"),
        (["GroundTruth/a.png", "a.jpg"], "has GroundTruth/ but no images/"),
        (["train/images/a.jpg", "train/masks/a.png"], r"its masks are in .*train/masks; give the folder"),
        (["images/a.jpg", "authentic/b.jpg"], "has images/ but no masks/"),
        (["Tampered/a.jpg"], "has Tampered/ but no masks/"),
        (["images/a.jpg", "masks/a.png", "gt/a.png"], "it is unclear which of its folders .* belong together"),
    ],
)
def test_folders_that_tell_too_little(tmp_path: Path, files: list[str], words: str) -> None:
    for name in files:
        save(tmp_path / name, True if name.endswith(".png") else None)
    with pytest.raises(InputError, match=words):
        find("folders", tmp_path)


def test_masks_beside_their_pictures(tmp_path: Path) -> None:
    for name in ("a.jpg", "x/b.jpg", "venetian_mask.jpg"):
        save(tmp_path / name)
    save(tmp_path / "a_gt.png", True)
    save(tmp_path / "x" / "b_mask.png", False)
    found = find("folders", tmp_path)
    assert {entry.id: entry.manipulation for entry in found.entries} == {"a.jpg": "unspecified", "x/b.jpg": "pristine"}
    assert [problem.file for problem in found.problems] == ["venetian_mask.jpg"]
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    assert {entry.manipulation for entry in find("folders", tmp_path).entries} == {"pristine"}


def test_two_masks_of_one_name_in_a_published_set(tmp_path: Path) -> None:
    save(tmp_path / "image" / "1t.tif")
    for folder, forged in (("mask", True), ("mask/more", True)):
        save(tmp_path / folder / "1forged.tif", forged)
    assert len(find("coverage", tmp_path).entries) == 1  # the same file twice
    save(tmp_path / "mask" / "more" / "1forged.tif", False)
    found = find("coverage", tmp_path)
    assert {problem.file: problem.kind for problem in found.problems} == {
        "mask/more/1forged.tif": "no pair",
        "image/1t.tif": "no mask",
    }
