import io
import pickle
import shutil
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from psccnet.errors import InputError, UnusableFileError
from psccnet.pictures.decoding import decode
from psccnet.synthesis import Photographs

from .conftest import texture


def archive(folder: Path, path: Path) -> Path:
    with tarfile.open(path, "w") as tar:
        for file in sorted(folder.iterdir(), reverse=True):
            tar.add(file, file.name)
    return path


def test_folder_tar_and_folder_of_tars_are_the_same_pool(folder: Path, tmp_path: Path) -> None:
    tar = archive(folder, tmp_path / "a.tar")
    pools = [Photographs.open(place) for place in (folder, tar, tmp_path)]
    assert len({pool.names for pool in pools}) == 1
    for i in range(len(pools[0])):
        assert all(np.array_equal(pools[0].read(i), pool.read(i)) for pool in pools[1:])


def test_split_keeps_the_rows_of_the_index(folder: Path, tmp_path: Path) -> None:
    archive(folder, tmp_path / "a.tar")
    (tmp_path / "index.csv").write_text(
        "file,shard,split\nphotograph-3.jpg,a.tar,train\nphotograph-1.jpg,a.tar,train\nphotograph-0.jpg,a.tar,test\n"
    )
    assert Photographs.open(tmp_path, "train").names == ("photograph-1.jpg", "photograph-3.jpg")
    with pytest.raises(ValueError, match="'validation'"):
        Photographs.open(tmp_path, "validation")
    with pytest.raises(ValueError, match=r"index\.csv"):
        Photographs.open(folder, "train")


def test_objects_tar_is_not_photographs(folder: Path, tmp_path: Path) -> None:
    archive(folder, tmp_path / "objects.tar")
    with pytest.raises(ValueError, match="no photographs"):
        Photographs.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_broken_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.jpg"):
        Photographs.open(tmp_path).read(0)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no photographs"):
        Photographs.open(tmp_path)
    with pytest.raises(FileNotFoundError, match="missing"):
        Photographs.open(tmp_path / "missing")
    (tmp_path / "a.tar").write_bytes(b"not a tar" * 100)
    with pytest.raises(ValueError, match=r"a\.tar"):
        Photographs.open(tmp_path / "a.tar")


def test_pictures_are_rgb_read_only_and_cached_within_bounds(folder: Path) -> None:
    pool = Photographs.open(folder, cache_size=2)
    expected = cv2.imread(str(folder / pool.names[4]))[..., ::-1]
    assert np.array_equal(pool.read(4), expected)
    assert pool.read(4) is pool.read(4)
    assert not pool.read(4).flags.writeable
    for i in range(5):
        pool.read(i)
    assert len(pool._cache) == 2


def test_pickled_pool_leaves_pictures_behind(folder: Path) -> None:
    pool = Photographs.open(folder)
    picture = pool.read(0)
    data = pickle.dumps(pool)
    assert len(data) < picture.nbytes
    assert np.array_equal(pickle.loads(data).read(0), picture)


@pytest.mark.parametrize("text", ["a.jpg,train\n", "name,split\na.jpg,train\n", "", "file,split\n\xe4,train\n"])
def test_an_index_of_another_form_is_named(folder: Path, tmp_path: Path, text: str) -> None:
    shutil.copy(folder / "photograph-0.jpg", tmp_path)
    (tmp_path / "index.csv").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"/index\.csv: (the column file is missing|not a CSV in UTF-8)"):
        Photographs.open(tmp_path, "train")


def test_a_picture_of_more_pixels_than_can_be_is_named(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "photograph-0.jpg").read_bytes()
    at = whole.index(b"\xff\xc0") + 5
    (tmp_path / "huge.jpg").write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
    with pytest.raises(UnusableFileError, match=r"huge\.jpg: not a readable picture, or an incomplete one"):
        Photographs.open(tmp_path).read(0)


def test_damage_that_decoders_pass_over_is_named(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(texture(0)[..., ::-1])).save(stream, "JPEG", restart_marker_rows=1)
    data = stream.getvalue()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2] + data[len(data) // 2 + 300 :])
    (tmp_path / "b.jpg").write_bytes(data[:-2])  # which lacks its end marker alone
    Image.fromarray(texture(0)).save(tmp_path / "c.gif")
    pool = Photographs.open(tmp_path)
    with pytest.raises(UnusableFileError, match=r"a\.jpg: truncated or damaged \(.*JPEG data"):
        pool.read(0)
    assert np.array_equal(pool.read(1), decode(data).pixels)
    assert pool.read(2).shape == texture(0).shape
