import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from psccnet.evaluation.listing import read_listing, read_mask
from psccnet.inference.decoding import decode
from psccnet.synthesis import Objects, Photographs, SynthesisRecipe, Synthesizer
from psccnet.synthesis.writing import write_set

COUNT = 6


@pytest.fixture(scope="module")
def synthesizer(photographs: Photographs, objects: Objects) -> Synthesizer:
    return Synthesizer(photographs, objects, SynthesisRecipe(size=64), seed=5)


@pytest.fixture(scope="module")
def written(synthesizer: Synthesizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "new" / "set"
    assert len(list(write_set(synthesizer, COUNT, folder))) == COUNT
    return folder


def test_files_are_the_samples(synthesizer: Synthesizer, written: Path) -> None:
    entries = read_listing(written)
    assert len(entries) == COUNT
    for index, entry in enumerate(entries):
        sample = synthesizer.sample(index)
        assert (entry.set, entry.manipulation, entry.image.stem) == ("synthetic", sample.manipulation, sample.id)
        pixels = decode(entry.image).pixels
        # JPEG decoders may differ by one level.
        assert np.abs(pixels.astype(int) - sample.image).max() <= (0 if entry.image.suffix == ".png" else 2)
        if not sample.forged:
            assert entry.mask is None
            continue
        assert entry.mask is not None
        assert np.array_equal(read_mask(entry.mask, 64, 64), sample.mask)
        assert set(np.unique(cv2.imread(str(entry.mask), cv2.IMREAD_UNCHANGED))) == {0, 255}


def test_the_index_names_the_photograph(synthesizer: Synthesizer, written: Path) -> None:
    with (written / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["set", "image", "mask", "manipulation", "source"]
    assert [row["source"] for row in rows] == [synthesizer.sample(index).source for index in range(COUNT)]


def test_the_same_synthesizer_writes_the_same_bytes(synthesizer: Synthesizer, written: Path, tmp_path: Path) -> None:
    list(write_set(synthesizer, COUNT, tmp_path))
    names = sorted(path.relative_to(written) for path in written.rglob("*.*"))
    assert names == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    assert all((written / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)


def test_the_index_comes_last(synthesizer: Synthesizer, tmp_path: Path) -> None:
    writing = write_set(synthesizer, 2, tmp_path)
    for _ in range(2):
        sample = next(writing)
        assert len(list((tmp_path / "images").glob(f"{sample.id}.*"))) == 1
        assert not (tmp_path / "index.csv").exists()
    assert next(writing, None) is None
    assert (tmp_path / "index.csv").exists()


@pytest.mark.parametrize("failing_call", [1, 3])
def test_a_full_disk_leaves_nothing_half_written(
    synthesizer: Synthesizer, tmp_path: Path, fill_disk: Callable[[int], None], failing_call: int
) -> None:
    fill_disk(failing_call)
    with pytest.raises(OSError, match="No space left"):
        list(write_set(synthesizer, COUNT, tmp_path))
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(left) == failing_call - 1
    assert not [path for path in left if path.name.startswith(".")]
    for path in left:
        assert decode(path).pixels.shape == (64, 64, 3)
