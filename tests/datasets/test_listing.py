from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.datasets.entry import Entry
from psccnet.datasets.listing import read_listing
from psccnet.errors import InputError
from psccnet.inference import PictureError
from psccnet.pictures.masks import read_mask


def index_of(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = folder / "index.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def test_a_folder_and_its_index_are_the_same(listed_set: Path) -> None:
    entries = read_listing(listed_set)
    assert entries == read_listing(listed_set / "index.csv")
    assert len(entries) == 7
    assert entries[0] == Entry("0.png", listed_set / "0.png", None, "pristine", "even")
    assert entries[1] == Entry("1.png", listed_set / "1.png", listed_set / "masks" / "1.png", "splicing", "odd")
    assert [entry.forged for entry in entries] == [False, True, True, False, True, True, False]


def test_sets_are_chosen(listed_set: Path) -> None:
    assert [entry.id for entry in read_listing(listed_set, ["odd"])] == ["1.png", "3.png", "5.png"]
    assert len(read_listing(listed_set, ("odd", "even"))) == 7
    with pytest.raises(ValueError, match=r"index\.csv: no picture is listed for third, fourth\."):
        read_listing(listed_set, ("third", "fourth"))


def test_columns_in_any_order_more_columns_and_no_set(tmp_path: Path) -> None:
    index = index_of(tmp_path, "source,manipulation,mask,image", "x,splicing, m.png , a.png", 'y,pristine,,"b, c.png"')
    entries = read_listing(index)
    assert entries[0] == Entry("a.png", tmp_path / "a.png", tmp_path / "m.png", "splicing", "")
    assert entries[1].image == tmp_path / "b, c.png"


def test_a_spreadsheets_byte_order_mark(tmp_path: Path) -> None:
    index = index_of(tmp_path, "image,mask,manipulation", "ä.png,,pristine", encoding="utf-8-sig")
    assert [entry.id for entry in read_listing(index)] == ["ä.png"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["image,manipulation", "a.png,pristine"], r"index\.csv: the column mask is missing"),
        (["a.png,,pristine"], r"index\.csv: the column image is missing"),
        (["", ""], r"index\.csv: the column image is missing"),
        (["image,mask,manipulation"], r"index\.csv: no picture is listed"),
        (
            ["image,mask,manipulation", "a.png,,pristine", "b.png,,pristine", "a.png,m.png,removal"],
            r"index\.csv, row 4: a\.png is listed twice",
        ),
        (["image,mask,manipulation", "a.png,,splicing"], r"index\.csv, row 2: a\.png has no mask"),
        (
            ["image,mask,manipulation", "a.png,,pristine", "", ",m.png,splicing"],
            r"index\.csv, row 4: image and manipulation must not be empty",
        ),
        (["image,mask,manipulation", "a.png,m.png"], r"row 2: image and manipulation must not be empty"),
    ],
)
def test_mistakes_are_named_with_file_and_row(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_listing(index_of(tmp_path, *lines))


def test_no_index(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "other.csv"):
        with pytest.raises(FileNotFoundError, match=r"\.csv: there is no such index; it is a CSV with columns image"):
            read_listing(path)


def test_a_picture_is_no_index(listed_set: Path) -> None:
    with pytest.raises(ValueError, match=r"0\.png: not a CSV in UTF-8; give the index, not a picture"):
        read_listing(listed_set / "0.png")


HEADER, ROWS = "image,mask,manipulation", ["a.png,m.png,splicing", "b.png,,pristine"]
BYTES = {
    "semicolons": "\n".join([HEADER, *ROWS]).replace(",", ";").encode("utf-8-sig"),
    "tabs": "\n".join([HEADER, *ROWS]).replace(",", "\t").encode(),
    "Excel's own line": ("sep=;\r\n" + "\r\n".join([HEADER, *ROWS]).replace(",", ";")).encode(),
    "capitals": "\n".join(["Image,MASK,Manipulation", *ROWS]).encode(),
    "blanks": "\n".join([HEADER, *ROWS]).replace(",", " , ").encode(),
    "quotes": b'"image","mask","manipulation"\n"a.png","m.png","splicing"\n"b.png","","pristine"',
    "UTF-16": "\n".join([HEADER, *ROWS]).encode("utf-16"),
    "UTF-16, big-endian, no mark": "\n".join([HEADER, *ROWS]).encode("utf-16-be"),
    "UTF-32": "\n".join([HEADER, *ROWS]).encode("utf-32"),
    "old Mac lines": "\r".join([HEADER, *ROWS]).encode(),
    "empty rows": "\n".join([HEADER, "", ROWS[0], ",,", "  , ,", ROWS[1], ",,,,", ""]).encode(),
    "words": "\n".join([HEADER, "a.png,m.png,Spliced", "b.png,,Authentic"]).encode(),
    "other columns": "\n".join(["n,filename,gt,label", "1,a.png,m.png,splice", "2,b.png,none,original"]).encode(),
}


@pytest.mark.parametrize("kind", BYTES)
def test_tables_as_people_save_them(tmp_path: Path, kind: str) -> None:
    (tmp_path / "index.csv").write_bytes(BYTES[kind])
    assert read_listing(tmp_path) == [
        Entry("a.png", tmp_path / "a.png", tmp_path / "m.png", "splicing"),
        Entry("b.png", tmp_path / "b.png", None, "pristine"),
    ]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Pristine", "pristine"),
        ("ORIGINAL", "pristine"),
        ("0", "pristine"),
        ("copymove", "copy-move"),
        ("Copy Move", "copy-move"),
        ("copy_move", "copy-move"),
        ("Inpainting", "removal"),
        ("tampered", "unspecified"),
        ("1", "unspecified"),
        ("retouching", "retouching"),
    ],
)
def test_words_for_manipulations(tmp_path: Path, word: str, kind: str) -> None:
    assert read_listing(index_of(tmp_path, HEADER, f"a.png,m.png,{word}"))[0].manipulation == kind


def test_an_unknown_word_without_a_mask_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2: a\.png has no mask \(if 'pristne' means pristine, write pristine\)"):
        read_listing(index_of(tmp_path, HEADER, "a.png,,pristne"))


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
def test_an_old_encoding_is_told_by_the_files(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "Müller.png").touch()
    index = index_of(tmp_path, HEADER, "Müller.png,,pristine", encoding=encoding)
    assert [entry.id for entry in read_listing(index)] == ["Müller.png"]
    (tmp_path / "Müller.png").unlink()
    with pytest.raises(
        InputError, match=r"index\.csv: not a CSV in UTF-8, but perhaps in Windows-1252.*save it as CSV UTF-8"
    ):
        read_listing(index)


def test_paths_of_other_systems(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "Cafe\u0301.png").touch()
    entry = read_listing(index_of(tmp_path, HEADER, "x\\Caf\u00e9.png,,pristine"))[0]
    assert entry.image == tmp_path / "x" / "Cafe\u0301.png"


def test_a_picture_of_the_name_elsewhere_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list").mkdir()
    (tmp_path / "a.png").touch()
    monkeypatch.chdir(tmp_path)
    entry = read_listing(index_of(tmp_path / "list", HEADER, "a.png,,pristine"))[0]
    assert entry.image == tmp_path / "list" / "a.png"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 a workbook", "not a CSV in UTF-8 but an Excel workbook or an archive; save it as CSV UTF-8"),
        (b"image mask manipulation\na.png m.png splicing\n", r"the column image is missing; the first line must name"),
        (b"image,image,mask,manipulation\n", "the column image is missing"),
        (
            b"image,mask,manipulation,mask_rule\na.png,m.png,splicing,red\n",
            "row 2: the mask rule 'red' is not one of white,",
        ),
        (b"\0\1\2\3", "not a CSV in UTF-8"),
    ],
)
def test_what_cannot_be_told_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "index.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"index\.csv(:|,) {words}"):
        read_listing(tmp_path)


def test_black_may_be_forged(tmp_path: Path) -> None:
    index = index_of(tmp_path, HEADER + ",Mask_Rule", "a.png,m.png,splicing,black", "b.png,n.png,splicing,")
    assert [entry.rule for entry in read_listing(index)] == ["black", "white"]
    assert [entry.rule for entry in read_listing(index, rule="nonzero")] == ["black", "nonzero"]
    forged_is = index_of(tmp_path, HEADER + ",forged_is", "a.png,m.png,splicing,0")
    assert read_listing(forged_is)[0].rule == "black"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16"])
def test_masks_of_all_kinds(tmp_path: Path, mode: str) -> None:
    truth = np.zeros((9, 12), bool)
    truth[2:5, 3:9] = True
    if mode == "I;16":
        picture = Image.fromarray(truth.astype(np.uint16) * 65535)
    else:
        picture = Image.fromarray(truth.astype(np.uint8) * 255).convert(mode)
    picture.save(tmp_path / "m.png")
    assert np.array_equal(read_mask(tmp_path / "m.png", 9, 12), truth)


def test_masks_are_cut_at_half(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", 1, 4).tolist() == [[False, False, True, True]]


def test_masks_that_do_not_fit(tmp_path: Path) -> None:
    Image.new("L", (12, 9)).save(tmp_path / "m.png")
    with pytest.raises(PictureError, match=r"m\.png: the mask is 12 x 9, its picture 9 x 12; they must match"):
        read_mask(tmp_path / "m.png", 12, 9)
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        read_mask(tmp_path / "none.png", 9, 12)
