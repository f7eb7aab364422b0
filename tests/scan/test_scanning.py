import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from psccnet.errors import InputError, WriteError
from psccnet.inference import Detector
from psccnet.scan import results, scanning
from psccnet.scan.looking import Options
from psccnet.scan.querying import ask, connect
from psccnet.scan.results import ScanFolder
from psccnet.scan.scanning import Scan, Shard
from psccnet.scan.sources import Sources
from psccnet.weights import read_card
from psccnet.weights.mask_calibration import MaskCalibration

PICTURES = 9


def texture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 256, (8, 9, 3)), np.ones((6, 6, 1))).astype(np.uint8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(PICTURES):
        Image.fromarray(texture(number)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def scan(photos: Path, tmp_path: Path, weights_file: Path) -> Callable[..., Scan]:
    options = Options(str(weights_file), precision="float32", device="cpu")

    def make(**changes: Any) -> Scan:
        given = {"sources": Sources([str(photos)]), "folder": tmp_path / "out", "options": options} | changes
        return Scan(**given)

    return make


def rows(folder: Path, columns: str = "*") -> list[dict[str, Any]]:
    names, found = ask(connect(folder), f"SELECT {columns} FROM results ORDER BY source")
    return [dict(zip(names, row, strict=True)) for row in found]


@pytest.mark.slow
def test_a_row_a_picture_with_what_detect_says(
    scan: Callable[..., Scan], photos: Path, tmp_path: Path, detector: Detector
) -> None:
    assert len(list(scan().run())) == PICTURES
    found = rows(tmp_path / "out")
    assert [Path(row["source"]).name for row in found] == [f"{number}.png" for number in range(PICTURES)]
    for row in found:
        said = detector.detect(row["source"], evidence=True).to_dict()
        assert row["state"] == "done"
        for name in (
            "verdict",
            "score",
            "threshold",
            "forged_fraction",
            "width",
            "height",
            "sha256",
            "model",
            "notes",
            "words",
        ):
            assert row[name] == said[name], name
        assert [one["name"] for one in row["findings"]] == [one["name"] for one in said["findings"]]
        assert row["bytes"] == Path(row["source"]).stat().st_size


@pytest.mark.slow
def test_it_goes_on_where_it_was(scan: Callable[..., Scan], photos: Path, tmp_path: Path) -> None:
    first = scan()
    begun = len(list(first.run(lambda: first.counts["done"] > 0)))
    assert 1 <= begun < PICTURES
    second = scan()
    assert len(list(second.run())) == PICTURES - begun
    assert (second.counts["done"], second.counts["before"]) == (PICTURES - begun, begun)
    assert list(scan().run()) == []
    Image.fromarray(texture(99)).save(photos / "0.png")
    assert [Path(row["source"]).name for row in scan().run()] == ["0.png"]
    assert len(rows(tmp_path / "out")) == PICTURES


@pytest.mark.slow
def test_another_calibration_is_another_scan(scan: Callable[..., Scan], tmp_path: Path, weights_file: Path) -> None:
    copy = tmp_path / "weights.safetensors"
    for ending in (".safetensors", ".json", ".graphs"):
        copy.with_suffix(ending).write_bytes(weights_file.with_suffix(ending).read_bytes())
    options = Options(str(copy), precision="float32", device="cpu")
    list(scan(options=options).run())
    card = read_card(copy)
    learnt = card.model_copy(update={"mask_calibration": MaskCalibration(slope=2.0, offset=1.0, level=0.4)})
    copy.with_suffix(".json").write_text(learnt.model_dump_json())
    with pytest.raises(InputError, match="holds a scan with other model"):
        list(scan(options=options).run())


def test_what_differs_is_named(scan: Callable[..., Scan], weights_file: Path) -> None:
    list(scan().run())
    other = Options(str(weights_file), precision="float32", device="cpu", threshold=0.25, exit_scale=4)
    with pytest.raises(InputError, match="holds a scan with other threshold, exit scale; name another folder"):
        list(scan(options=other).run())


@pytest.mark.slow
def test_failures_are_rows_and_are_tried_again(scan: Callable[..., Scan], photos: Path, tmp_path: Path) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    first = scan()
    failed = [row for row in first.run() if row["state"] == "failed"]
    assert [row["reason"] for row in failed] == [f"{photos}/broken.png: not a picture in a supported format."]
    again = scan()
    assert list(again.run()) == []
    assert again.counts["failed before"] == 1
    assert [row["state"] for row in scan(retry_failed=True).run()] == ["failed"]
    (Path(photos) / "new.png").write_bytes((photos / "0.png").read_bytes())
    facts = (photos / "broken.png").stat()
    (photos / "broken.png").write_bytes((photos / "0.png").read_bytes()[: facts.st_size])
    os.utime(photos / "broken.png", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert [Path(row["source"]).name for row in scan(retry_failed=True).run()] == ["broken.png"]
    assert Counter(row["state"] for row in rows(tmp_path / "out")) == {"done": PICTURES, "failed": 1}


@pytest.mark.slow
def test_equal_bytes_are_computed_once(scan: Callable[..., Scan], photos: Path, tmp_path: Path) -> None:
    for name in ("copy.png", "z/copy.png"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes((photos / "3.png").read_bytes())
    states = Counter(row["state"] for row in scan(dedupe=True).run())
    assert states == {"done": PICTURES, "same": 2}
    (photos / "late.png").write_bytes((photos / "5.png").read_bytes())
    assert [row["state"] for row in scan(dedupe=True).run()] == ["same"]
    found = {Path(row["source"]).name: row for row in rows(tmp_path / "out")}
    assert found["late.png"]["score"] == found["5.png"]["score"] is not None
    assert found["copy.png"]["verdict"] == found["3.png"]["verdict"]


def test_equal_bytes_that_are_no_picture_all_fail(scan: Callable[..., Scan], photos: Path, tmp_path: Path) -> None:
    for name in ("x.png", "y.png"):
        (photos / name).write_bytes(b"no picture")
    list(scan(dedupe=True).run())
    failed = [row for row in rows(tmp_path / "out") if row["state"] == "failed"]
    assert len(failed) == 2
    assert all("not a picture" in row["reason"] for row in failed)


@pytest.mark.slow
def test_the_total_is_that_of_the_shard(scan: Callable[..., Scan]) -> None:
    totals = []
    for number in (1, 2):
        half = scan(shard=Shard(number, 2))
        assert half.total is None
        assert len(list(half.run())) == half.total
        totals.append(half.total)
    assert sum(totals) == PICTURES


def test_a_source_is_listed_once(scan: Callable[..., Scan], photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir, listed = os.scandir, []

    def note(path: Any) -> Any:
        listed.append(str(path))
        return scandir(path)

    monkeypatch.setattr("psccnet.scan.sources.os.scandir", note)
    list(scan().run())
    assert listed.count(str(photos)) == 1


@pytest.mark.slow
def test_shards_share_a_folder(scan: Callable[..., Scan], tmp_path: Path) -> None:
    parts = [[row["source"] for row in scan(shard=Shard(number, 3)).run()] for number in (1, 2, 3)]
    assert sum(map(len, parts)) == len(rows(tmp_path / "out")) == PICTURES
    assert list(scan().run()) == []
    for words in ("0/3", "4/3", "3", "a/b", "1/"):
        with pytest.raises(InputError, match="is not of the form 3/16"):
            Shard.parse(words)
    assert str(Shard.parse("3/16")) == "3/16"


def test_a_picture_that_is_named_twice_has_one_row(scan: Callable[..., Scan], photos: Path, tmp_path: Path) -> None:
    words = [str(photos), str(photos / "0.png")]
    assert len(list(scan(sources=Sources(words)).run())) == PICTURES
    assert len(rows(tmp_path / "out")) == PICTURES


@pytest.mark.slow
def test_masks(scan: Callable[..., Scan], tmp_path: Path, weights_file: Path, detector: Detector) -> None:
    masks = tmp_path / "out" / "masks"
    options = Options(str(weights_file), precision="float32", device="cpu", masks=str(masks))
    for row in scan(options=options).run():
        with Image.open(masks / row["mask"]) as mask:
            expected = np.rint(detector.detect(row["source"], evidence=True).mask * 255)
            assert (np.asarray(mask) == expected).all()


def test_small_parts_become_one(scan: Callable[..., Scan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "PART_ROWS", 1)
    monkeypatch.setattr(results, "MANY", 4)
    one = scan()
    list(one.run())
    assert len(one.folder.files()) == 1
    assert len(rows(tmp_path / "out")) == PICTURES


@pytest.mark.slow
def test_a_run_that_ends_between_two_parts(scan: Callable[..., Scan], tmp_path: Path) -> None:
    one = scan()
    list(one.run())
    (part,) = one.folder.files()
    kept = part.read_bytes()
    # As if the power had gone after the new part appeared, and before those that it replaces went.
    folder = ScanFolder(tmp_path / "out")
    folder.add([{"source": "x", "key": bytes(16), "state": "failed"}])
    folder.put_together()
    part.write_bytes(kept)
    (tmp_path / "out" / "parts" / "1-of-1" / ".x.1.tmp").write_bytes(b"half")
    assert len(folder.files()) == 2
    with folder.locked():
        assert len(folder.files()) == 1
    assert len(rows(tmp_path / "out")) == PICTURES + 1
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_a_second_run_is_kept_out(scan: Callable[..., Scan], tmp_path: Path) -> None:
    list(scan().run())
    with ScanFolder(tmp_path / "out").locked(), pytest.raises(InputError, match="another scan is writing there"):
        list(scan().run())


@pytest.mark.slow
def test_a_full_disk_loses_nothing_that_was_written(
    scan: Callable[..., Scan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fill_disk: Callable[[int], None]
) -> None:
    monkeypatch.setattr(scanning, "PART_ROWS", 2)
    one = scan()
    run = one.run()
    next(run), next(run)
    fill_disk(1)
    with pytest.raises(WriteError, match="cannot be written"):
        list(run)
    monkeypatch.undo()
    assert len(rows(tmp_path / "out")) == 2
    assert len(list(scan().run())) == PICTURES - 2


@pytest.mark.slow
def test_several_processes(scan: Callable[..., Scan], photos: Path, tmp_path: Path) -> None:
    (photos / "copy.png").write_bytes((photos / "3.png").read_bytes())
    (photos / "broken.png").write_bytes(b"no picture")
    states = Counter(row["state"] for row in scan(workers=2, dedupe=True).run())
    assert states == {"done": PICTURES, "same": 1, "failed": 1}
    own = {row["source"]: row["score"] for row in rows(tmp_path / "out")}
    list(scan(folder=tmp_path / "other", dedupe=True).run())
    assert {row["source"]: row["score"] for row in rows(tmp_path / "other")} == own


@pytest.mark.slow
def test_a_process_that_is_killed_costs_no_picture(scan: Callable[..., Scan], tmp_path: Path) -> None:
    import psutil

    before = set(psutil.Process().children(recursive=True))  # those of other tests, such as a server's
    run = scan(workers=2).run()
    found = [next(run)]
    started = set(psutil.Process().children(recursive=True)) - before
    workers = [one for one in started if "spawn_main" in " ".join(one.cmdline())]
    assert workers
    workers[0].kill()
    found += list(run)
    assert len(found) == len(rows(tmp_path / "out")) == PICTURES
    assert {row["state"] for row in found} == {"done"}


@pytest.mark.slow
def test_killed_at_any_moment(photos: Path, tmp_path: Path, weights_file: Path) -> None:
    """Runs that are killed, one after the other, lose no picture and look at none twice once it has a row."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "psccnet", "scan", str(photos), "--out", str(out), "--weights", str(weights_file)]
    rng = np.random.default_rng(0)
    for _ in range(3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(float(rng.uniform(1, 4)))
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(rows(out)) == PICTURES
    counted = ask(connect(out), f"SELECT count(*) FROM read_parquet('{out}/parts/*/*.parquet')")[1]
    assert counted == [(PICTURES,)]


@pytest.mark.slow
def test_interrupted(photos: Path, tmp_path: Path, weights_file: Path) -> None:
    command = [sys.executable, "-m", "psccnet", "scan", str(photos), "--out", str(tmp_path / "out")]
    program = (
        "import os, signal, sys, psccnet.scan.scanning as scanning\n"
        "write = scanning.ScanFolder.add\n"
        "scanning.PART_ROWS = 1\n"
        "def add(self, rows, name=None):\n"
        "    write(self, rows, name)\n"
        "    if len(self.files()) == 2: os.kill(os.getpid(), signal.SIGINT)\n"
        "scanning.ScanFolder.add = add\n"
        "from psccnet.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    words = [*command[3:], "--weights", str(weights_file)]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 130, done.stderr
    assert "finishing the pictures in progress" in done.stderr
    assert done.stderr.endswith("the results so far are kept, run the same command again to resume\n")
    kept = len(rows(tmp_path / "out"))
    assert 2 <= kept < PICTURES
