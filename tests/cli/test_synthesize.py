import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.synthesis import Synthesizer

from .conftest import Run

# Ten of them stand for a user's run: two or three of each class.
OPTIONS = ("--count", 10, "--size", 64)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def synthetic(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Filled by the first test that asks for it."""
    return tmp_path_factory.mktemp("synthetic") / "set"


@pytest.fixture
def made(psccnet: Run, photographs: Path, synthetic: Path) -> Path:
    if not synthetic.exists():
        done = psccnet("synthesize", photographs, "--out", synthetic, *OPTIONS)
        assert done == (0, f"{synthetic / 'manifest.parquet'}\n", "")
    return synthetic


def test_pictures_masks_and_an_index(made: Path) -> None:
    with (made / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = ["pristine", "splicing", "copy-move", "removal"]
    assert [row["manipulation"] for row in rows] == [kinds[i % 4] for i in range(10)]
    for row in rows:
        with Image.open(made / row["image"]) as picture:
            assert (picture.size, picture.mode) == ((64, 64), "RGB")
        if row["manipulation"] == "pristine":
            assert row["mask"] == ""
            continue
        with Image.open(made / row["mask"]) as mask:
            values = np.asarray(mask)
        assert set(np.unique(values)) == {0, 255}
    listed = {row[column] for row in rows for column in ("image", "mask")} - {""}
    sources = {f"sources/{Path(row['image']).stem}.png" for row in rows if row["manipulation"] == "copy-move"}
    assert set(files_of(made)) == listed | sources | {"index.csv", "manifest.parquet", "synthesis.yaml"}


def test_the_same_seed_gives_the_same_bytes(psccnet: Run, made: Path, photographs: Path, tmp_path: Path) -> None:
    assert psccnet("synthesize", photographs, "--out", tmp_path / "a", *OPTIONS).status == 0
    assert files_of(tmp_path / "a") == files_of(made)
    assert psccnet("synthesize", photographs, "--out", tmp_path / "b", *OPTIONS, "--seed", 1).status == 0
    other = files_of(tmp_path / "b")
    assert all(other.get(name) != data for name, data in files_of(made).items())


def test_a_set_is_rebuilt_from_its_recipe(psccnet: Run, made: Path, photographs: Path, tmp_path: Path) -> None:
    done = psccnet("synthesize", photographs, "--out", tmp_path / "again", "--recipe", made / "synthesis.yaml")
    assert done.status == 0
    assert files_of(tmp_path / "again") == files_of(made)
    assert done.err == ""
    shutil.copytree(photographs, tmp_path / "other")
    (tmp_path / "other" / "1.png").unlink()
    done = psccnet("synthesize", tmp_path / "other", "--out", tmp_path / "b", "--recipe", made / "synthesis.yaml")
    assert (done.status, done.err.count("the photographs or objects are not those")) == (0, 1)


def test_shards_with_a_sheet(psccnet: Run, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    done = psccnet("synthesize", photographs, "--out", out, *OPTIONS, "--layout", "shards", "--preview")
    assert (done.status, done.out.splitlines()) == (0, [str(out / "preview.png"), str(out / "manifest.parquet")])
    assert {path.name for path in out.iterdir()} == {
        "shard-000000.tar",
        "preview.png",
        "manifest.parquet",
        "synthesis.yaml",
    }


def test_what_cannot_be_used_is_named(psccnet: Run, photographs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photographs"
    shutil.copytree(photographs, folder)
    whole = (folder / "0.png").read_bytes()
    (folder / "0.png").write_bytes(whole[: len(whole) // 2])
    done = psccnet("synthesize", folder, "--out", tmp_path / "set", "--count", 40, "--size", 64)
    assert done.status == 0
    assert "1 files or annotations could not be used and were left out:\n  0.png: " in done.err


def test_only_photographs_of_the_split(psccnet: Run, photographs: Path, tmp_path: Path) -> None:
    done = psccnet("synthesize", photographs, "--out", tmp_path, *OPTIONS, "--split", "validation")
    assert done.status == 0
    with (tmp_path / "index.csv").open(newline="") as file:
        assert {row["source"] for row in csv.DictReader(file)} <= {"5.png", "6.png", "7.png"}


def test_evaluate_reads_it(psccnet: Run, small: tuple, made: Path) -> None:
    done = psccnet("evaluate", made, "--set", "synthetic", "--json", *small)
    assert (done.status, done.err) == (0, "")
    summary = json.loads(done.out)
    assert (summary["pictures"], summary["forged"]) == (10, 7)
    assert {f"pixel_auc_{kind}" for kind in ("splicing", "copy-move", "removal")} < summary.keys()


def test_errors(psccnet: Run, photographs: Path, tmp_path: Path) -> None:
    blank = tmp_path / "blank"
    blank.mkdir()
    for i in range(2):
        Image.new("RGB", (64, 64), (90, 90, 90)).save(blank / f"{i}.png")
    (tmp_path / "taken").touch()
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("seams: {hart: 0.5}")
    for words, message in (
        ([tmp_path / "nowhere"], "psccnet: no such folder or tar archive"),
        ([photographs, "--split", "test"], "split 'test'"),
        ([photographs, "--objects", tmp_path / "no.tar"], "no.tar"),
        ([blank], "psccnet: no copy-move could be made from 16 photographs; add photographs"),
        ([photographs, "--size", 16], 'Invalid value "16" for --size'),
        ([photographs, "--count", 0], 'Invalid value "0" for --count'),
        ([photographs, "--recipe", wrong], "wrong.yaml: seams.hart: Unexpected keyword argument"),
        ([photographs, "--recipe", tmp_path / "no.yaml"], "There is no recipe"),
    ):
        done = psccnet("synthesize", *words, "--out", tmp_path / "out", *([] if len(words) == 3 else OPTIONS[2:]))
        assert (done.status, done.out) == (2, "")
        assert message in done.err
        assert not (tmp_path / "out" / "index.csv").exists()
    assert psccnet("synthesize", photographs, "--out", tmp_path / "taken", *OPTIONS).status == 2


def test_interrupted_and_gone_on(
    psccnet: Run, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("synthesize", photographs, "--out", tmp_path / "set", "--count", 4, "--size", 64)
    whole = Synthesizer.encoded

    def interrupted(self: Synthesizer, index: int) -> object:
        if index == 2:
            raise KeyboardInterrupt
        return whole(self, index)

    with monkeypatch.context() as patched:
        patched.setattr(Synthesizer, "encoded", interrupted)
        done = psccnet(*words)
    assert done == (130, "", "psccnet: interrupted; run the same command again to resume\n")
    assert psccnet(*words).status == 0


def test_a_full_disk(
    psccnet: Run, photographs: Path, tmp_path: Path, fill_disk: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("synthesize", photographs, "--out", tmp_path / "set", "--count", 4, "--size", 64)
    fill_disk(3)
    done = psccnet(*words)
    assert (done.status, done.out, done.err.count("\n")) == (3, "", 1)
    assert done.err.startswith(f"psccnet: {tmp_path}/set/images/splicing-00000001.")
    assert "cannot be written (No space left on device); free space" in done.err
    monkeypatch.undo()
    assert psccnet(*words).status == 0
