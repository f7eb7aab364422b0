import csv
import hashlib
import itertools
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet
import pytest

from psccnet.datasets.listing import read_listing
from psccnet.errors import InputError, WriteError
from psccnet.pictures.decoding import decode
from psccnet.pictures.encoding import decode_as_stored as picture_of
from psccnet.pictures.masks import read_mask
from psccnet.synthesis import Objects, Photographs, SynthesisRecipe, Synthesizer
from psccnet.synthesis.preview import contact_sheet
from psccnet.synthesis.synthesis_recipe import read_synthesis
from psccnet.synthesis.writing import Layout, read_manifest, write_set

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


@pytest.mark.parametrize("failing_call", [1, 2, 4])
def test_a_full_disk_leaves_nothing_half_written(
    synthesizer: Synthesizer, tmp_path: Path, fill_disk: Callable[[int], None], failing_call: int
) -> None:
    fill_disk(failing_call)
    with pytest.raises(WriteError, match=r"cannot be written \(No space left"):
        list(write_set(synthesizer, COUNT, tmp_path))
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in left if path.name.startswith(".")]
    pictures = [path for path in left if path.name != "synthesis.yaml"]
    assert len(left) - len(pictures) == min(1, failing_call - 1)
    for path in pictures:
        assert decode(path).pixels.shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("synthesis.yaml", "- a list"),
        ("synthesis.yaml", "a: ["),
        ("manifest.parquet", "no Parquet"),
        (".parts/000000000-6.json", "[{}]"),
        (".parts/000000000-6.json", "[1"),
    ],
)
def test_a_damaged_set_is_named(
    synthesizer: Synthesizer, written: Path, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / ".parts").mkdir()
    shutil.copy(written / "synthesis.yaml", tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=rf"^{tmp_path}.*(another|copy it again|correct)"):
        list(write_set(synthesizer, COUNT, tmp_path))


def test_the_manifest_tells_all(synthesizer: Synthesizer, written: Path) -> None:
    rows = read_manifest(written / "manifest.parquet")
    assert [row.index for row in rows] == list(range(COUNT))
    for row in rows:
        sample = synthesizer.sample(row.index)
        assert (row.id, row.manipulation, row.method) == (sample.id, sample.manipulation, sample.method)
        assert row.sha256 == hashlib.sha256((written / row.image).read_bytes()).hexdigest()
        assert row.forged_fraction == pytest.approx(sample.mask.mean())
        assert (row.source_mask != "") == (row.manipulation == "copy-move")
        if row.source_mask:
            assert np.array_equal(read_mask(written / row.source_mask, 64, 64), sample.source_mask)
    metadata = pyarrow.parquet.read_schema(written / "manifest.parquet").metadata
    assert json.loads(metadata[b"synthesis"])["seed"] == 5


def test_a_set_is_rebuilt_from_its_recipe(synthesizer: Synthesizer, written: Path, tmp_path: Path) -> None:
    known = read_synthesis(written / "synthesis.yaml", {})
    assert known.recipe == synthesizer.recipe
    again = Synthesizer(synthesizer.photographs, synthesizer.objects, known.recipe, known.seed)
    list(write_set(again, known.count, tmp_path))
    assert (tmp_path / "manifest.parquet").read_bytes() == (written / "manifest.parquet").read_bytes()


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("layout", ["folder", "shards"])
def test_an_interrupted_run_goes_on(
    synthesizer: Synthesizer, tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psccnet.synthesis.writing.PART", 4)
    list(write_set(synthesizer, 10, tmp_path / "whole", layout))
    made: list[int] = []
    encoded = synthesizer.encoded

    def counted(index: int) -> object:
        made.append(index)
        return encoded(index)

    monkeypatch.setattr(synthesizer, "encoded", counted)
    writing = write_set(synthesizer, 10, tmp_path / "cut", layout)
    for _ in range(7):
        next(writing)
    writing.close()
    assert not (tmp_path / "cut" / "manifest.parquet").exists()
    list(write_set(synthesizer, 10, tmp_path / "cut", layout))
    assert made == [0, 1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8, 9]
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")
    # A whole set is left alone, and may grow.
    list(write_set(synthesizer, 10, tmp_path / "cut", layout))
    assert len(made) == 13
    rows = list(write_set(synthesizer, 12, tmp_path / "cut", layout))
    assert made[13:] == [8, 9, 10, 11]
    assert [row.index for row in rows] == list(range(12))


def test_what_a_killed_process_left_is_no_hindrance(synthesizer: Synthesizer, tmp_path: Path) -> None:
    (tmp_path / ".parts").mkdir()
    writing = write_set(synthesizer, COUNT, tmp_path)
    next(writing)
    writing.close()
    left = tmp_path / "images" / ".splicing-00000001.jpg.123.tmp"
    left.write_bytes(b"half")
    list(write_set(synthesizer, COUNT, tmp_path))
    assert not left.exists()


def test_other_sets_are_not_mixed_in(synthesizer: Synthesizer, written: Path, tmp_path: Path) -> None:
    other = Synthesizer(synthesizer.photographs, synthesizer.objects, synthesizer.recipe, seed=6)
    with pytest.raises(ValueError, match="holds a set with other seed; name another folder"):
        list(write_set(other, COUNT, written))
    with pytest.raises(ValueError, match="a set of 6"):
        list(write_set(synthesizer, 2, written))
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ValueError, match="other files"):
        list(write_set(synthesizer, 2, tmp_path))


def test_shards_are_what_webdataset_reads(synthesizer: Synthesizer, tmp_path: Path) -> None:
    rows = list(write_set(synthesizer, 8, tmp_path, "shards"))
    assert {path.name for path in tmp_path.iterdir()} == {"synthesis.yaml", "manifest.parquet", "shard-000000.tar"}
    with tarfile.open(tmp_path / "shard-000000.tar") as archive:
        members = {member.name: archive.extractfile(member).read() for member in archive}
    keys = [name.split(".", 1)[0] for name in members]
    assert list(dict.fromkeys(keys)) == [row.id for row in rows]
    assert sum(a != b for a, b in itertools.pairwise(keys)) == 7  # the files of a sample stand together
    for row in rows:
        shard, image = row.image.split("/")
        assert shard == "shard-000000.tar"
        sample = synthesizer.sample(row.index)
        assert np.array_equal(picture_of(members[image], image), sample.image)
        assert json.loads(members[f"{row.id}.json"])["manipulation"] == row.manipulation
        assert (f"{row.id}.mask.png" in members) == sample.forged
        assert (f"{row.id}.source.png" in members) == (row.manipulation == "copy-move")


def test_other_processes_write_the_same(synthesizer: Synthesizer, written: Path, tmp_path: Path) -> None:
    list(write_set(synthesizer, COUNT, tmp_path, workers=2))
    assert bytes_of(tmp_path) == bytes_of(written)


def test_the_contact_sheet_shows_every_class(synthesizer: Synthesizer) -> None:
    sheets = [decode_sheet(contact_sheet(synthesizer, count)) for count in (24, 2)]
    assert sheets[0].shape[1] == sheets[1].shape[1]
    assert sheets[0].shape[0] > 2 * sheets[1].shape[0]
    assert sheets[0].std() > 30


def decode_sheet(data: bytes) -> np.ndarray:
    return picture_of(data, "sheet")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", r"a\.yaml: a recipe consists of sections with fields"),
        ("recipe: 5", r"a\.yaml: a recipe consists of sections with fields"),
        ("1: 2", r"a\.yaml: a recipe consists of sections with fields"),
        ("seed: often", r"a\.yaml: seed: Input should be a valid integer"),
        ("size: 16", r"a\.yaml: recipe: size must be at least 32"),
        ("a: [", r"a\.yaml: not valid YAML"),
    ],
)
def test_what_is_no_recipe_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_synthesis(tmp_path / "a.yaml", {})


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "recipes/synthesis").glob("*.yaml")), ids=lambda path: path.stem
)
def test_shipped_recipes_describe_a_set(path: Path) -> None:
    described = read_synthesis(path, {})
    assert described.count >= 5000
    assert described.recipe.size in (256, 384)
    assert f"recipes/synthesis/{path.name}" in path.read_text()
