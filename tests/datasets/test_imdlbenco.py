import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from psccnet.datasets.catalogue import find
from psccnet.errors import InputError

from ..conftest import texture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """a.png is forged, b.png has a mask that marks nothing."""
    for name in ("a", "b"):
        Image.fromarray(texture(1, 20, 30)).save(tmp_path / f"{name}.png")
        truth = np.zeros((20, 30), np.uint8)
        truth[3:9, 4:12] = 255 * (name == "a")
        Image.fromarray(truth).save(tmp_path / f"{name}_gt.png")
    return tmp_path


def kinds(folder: Path, content: Any, encoding: str = "utf-8") -> dict[str, str]:
    (folder / "list.json").write_text(json.dumps(content), encoding=encoding)
    return {entry.id: entry.manipulation for entry in find("json", folder / "list.json").entries}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(folder: Path, encoding: str) -> None:
    content = [["a.png", "a_gt.png"], ["b.png", "Negative"]]
    assert kinds(folder, content, encoding) == {"a.png": "unspecified", "b.png": "pristine"}


@pytest.mark.parametrize(("image", "mask"), [("image", "mask"), ("IMG", "gt"), ("tp_path", "gt_path")])
def test_objects(folder: Path, image: str, mask: str) -> None:
    content = [{image: "a.png", mask: "a_gt.png"}, {mask: "negative", image: "b.png"}]
    assert kinds(folder, content) == {"a.png": "unspecified", "b.png": "pristine"}


def test_a_mask_that_marks_nothing_is_of_a_pristine_picture(folder: Path) -> None:
    assert kinds(folder, [["a.png", "a_gt.png"], ["b.png", "b_gt.png"]]) == {
        "a.png": "unspecified",
        "b.png": "pristine",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([["a.png", None]], r'item 1: has no mask; write "Negative" if a\.png is pristine'),
        ([["a.png", ""]], "item 1: has no mask"),
        ([["a.png", "a_gt.png"], ["a.png"]], r'item 2: not a pair; an item is \["a\.jpg", "a_mask\.png"\]'),
        (["ab"], "item 1: not a pair"),
        ([["a.png", 5]], "item 1: not two strings"),
        ([{"image": "a.png"}], "item 1: needs one image and one mask"),
        ([{"image": "a.png", "path": "b.png", "mask": "a_gt.png"}], "item 1: needs one image and one mask"),
        ({"a.png": "a_gt.png"}, "not a JSON list of pairs"),
        ("a.png", "not a JSON list of pairs"),
        ([["JsonDataset", "list.json"]], r"lists itself, through list\.json; remove that line"),
        ([["JsonDataset", "../NAME/list.json"]], r"lists itself, through list\.json"),
    ],
)
def test_lists_of_another_form_are_one_sentence(folder: Path, content: Any, words: str) -> None:
    text = json.dumps(content).replace("NAME", folder.name)
    with pytest.raises(InputError, match=rf"list\.json(:|,) {words}"):
        kinds(folder, json.loads(text))


def test_lists_that_list_each_other(folder: Path) -> None:
    (folder / "other.json").write_text('[["JsonDataset", "list.json"]]')
    with pytest.raises(InputError, match=r"lists itself, through list\.json, other\.json"):
        kinds(folder, [["JsonDataset", "other.json"]])


def test_one_of_several_lists_is_not_chosen_by_order(folder: Path) -> None:
    (folder / "one.json").write_text('[["a.png", "a_gt.png"]]')
    assert len(find("json", folder).entries) == 1
    (folder / "two.json").write_text('[["b.png", "Negative"]]')
    with pytest.raises(InputError, match=r"holds several JSON lists \(one\.json, two\.json\); give one"):
        find("json", folder)
    (folder / "all.json").write_text('[["JsonDataset", "one.json"], ["JsonDataset", "two.json"]]')
    assert len(find("json", folder).entries) == 2


def test_a_picture_with_two_masks_is_left_out(folder: Path) -> None:
    assert kinds(folder, [["a.png", "a_gt.png"], ["a.png", "a_gt.png"]]) == {"a.png": "unspecified"}
    assert kinds(folder, [["a.png", "a_gt.png"], ["a.png", "Negative"], ["b.png", "Negative"]]) == {"b.png": "pristine"}
    problems = [str(one) for one in find("json", folder / "list.json").problems]
    assert problems == ["a.png is listed twice, with different masks or kinds; left out"]
