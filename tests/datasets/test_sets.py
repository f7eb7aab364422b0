"""Every data set, over tiny files in the layout that it is downloaded as; one YAML file a set says what is expected."""

import json
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest
import yaml
from PIL import Image

from psccnet.datasets.catalogue import CATALOGUE, find
from psccnet.datasets.check import check_files, report, usable
from psccnet.errors import InputError
from psccnet.pictures.cameras import camera_of_exif, camera_of_name

from ..conftest import texture

SETS = {path.stem: path for path in sorted((Path(__file__).parent / "sets").glob("*.yaml"))}
RED, GREEN = (200, 0, 0), (0, 200, 0)


def region(size: list[int], box: list[int] | None) -> np.ndarray:
    width, height = size
    made = np.zeros((height, width), bool)
    if box:
        x, y, w, h = box
        made[y : y + h, x : x + w] = True
    return made


def corners(box: list[int]) -> list[list[int]]:
    x, y, w, h = box
    return [[x, y], [x + w - 1, y], [x + w - 1, y + h - 1], [x, y + h - 1]]


def write_records(path: Path, records: dict[str, dict[str, Any]]) -> None:
    with lmdb.open(str(path.parent), map_size=1 << 24) as database, database.begin(write=True) as transaction:
        for key, fields in records.items():
            record: dict[str, Any] = {}
            if fields:
                width, height = fields["size"]
                jpeg = path.parent / "picture.jpg"
                Image.fromarray(texture(1, height, width)).save(jpeg)
                record = {
                    "image_jpeg_buffer": list(jpeg.read_bytes()),
                    "image_width": width,
                    "image_height": height,
                    "target_contour": [corners(fields["target"])],
                    "source_contour": [corners(fields["source"])],
                }
                jpeg.unlink()
            transaction.put(key.encode(), json.dumps(record).encode())


def write(path: Path, content: dict[str, Any], seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if "text" in content:
        path.write_text(content["text"])
    elif "records" in content:
        write_records(path, content["records"])
    elif "picture" in content:
        width, height = content["picture"]
        exif = Image.Exif()
        if "camera" in content:
            exif[271], exif[272] = content["camera"]
        Image.fromarray(texture(seed, height, width)).save(path, exif=exif)
    elif "truncated" in content:
        Image.fromarray(texture(seed, *content["truncated"])).save(path)
        path.write_bytes(path.read_bytes()[:-1500])
    elif "edges" in content:
        made = region(content["edges"], content["box"])[..., None]
        Image.fromarray(np.where(made, GREEN, RED).astype(np.uint8)).save(path, quality=95)
    else:
        dark = "black" in content
        made = region(content["black" if dark else "mask"], content["box"])
        Image.fromarray(((made != dark) * 255).astype(np.uint8)).save(path)


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, dict[str, Any]]:
    """A set's name, its folder and what is expected of it."""
    name: str = request.param
    expected = yaml.safe_load(SETS[name].read_text())
    for seed, (file, content) in enumerate(expected["files"].items()):
        write(tmp_path / file, content, seed)
    return name, tmp_path, expected


def test_every_set_has_its_case() -> None:
    assert set(SETS) == set(CATALOGUE) - {"listing"}  # which test_listing.py is about


@pytest.mark.parametrize("case", SETS, indirect=True)
def test_a_set_as_it_is_downloaded(case: tuple[str, Path, dict[str, Any]]) -> None:
    name, root, expected = case
    found = find(name, root)
    found = usable(found, check_files(found.entries, whole=True))
    entries = {entry.id: entry for entry in found.entries}
    assert {one: entry.manipulation for one, entry in entries.items()} == {
        one: wanted["manipulation"] for one, wanted in expected["entries"].items()
    }
    assert {problem.file: problem.kind for problem in found.problems} == expected["problems"]
    for one, wanted in expected["entries"].items():
        sample = entries[one].read()
        height, width = sample.image.shape[:2]
        assert sample.mask is not None
        assert np.array_equal(sample.mask, region([width, height], wanted.get("box")))
        assert sample.forged == (wanted["manipulation"] != "pristine")
        assert sample.manipulation == wanted["manipulation"]
        if "source" in wanted:
            assert np.array_equal(sample.source_mask, region([width, height], wanted["source"]))
        if "camera" in wanted:
            assert (camera_of_name(one) or camera_of_exif((root / one).read_bytes())) == wanted["camera"]
    text = report(CATALOGUE[name], root, found)
    for words in expected["words"]:
        assert words in text


@pytest.mark.parametrize("case", ["coverage", "casia1", "casia2", "nist16"], indirect=True)
def test_the_splits_of_table_1(case: tuple[str, Path, dict[str, Any]]) -> None:
    name, root, expected = case
    for split in ("train", "test"):
        ids = {entry.id for entry in find(name, root, split).entries}
        assert ids & set(expected["entries"]) == {
            one for one, wanted in expected["entries"].items() if wanted["split"] == split
        }


@pytest.mark.parametrize("name", SETS)
def test_an_empty_folder_is_not_the_set(name: str, tmp_path: Path) -> None:
    if name == "json":
        with pytest.raises(FileNotFoundError, match="JSON list"):
            find(name, tmp_path)
        return
    found = find(name, tmp_path)
    assert found.entries == []
    assert f"This is not the layout of {name}" in report(CATALOGUE[name], tmp_path, found)


def test_wrong_names_and_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no data set 'casia3'"):
        find("casia3", tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        find("casia1", tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no split 'test'"):
        find("columbia", tmp_path, "test")
    (tmp_path / "pairs.json").write_text('{"a": 1}')
    with pytest.raises(InputError, match=r"pairs\.json: not a JSON list"):
        find("json", tmp_path)
    (tmp_path / "pairs.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"pairs\.json: not JSON, or truncated"):
        find("json", tmp_path)
    (tmp_path / "data.mdb").write_text("no database")
    with pytest.raises(InputError, match=r"data\.mdb: not an LMDB"):
        find("uscisi", tmp_path)


def test_split_sizes_are_table_1s() -> None:
    from psccnet.datasets import coverage, nist16

    assert (len(coverage.TEST), len(nist16.TEST)) == (25, 160)
