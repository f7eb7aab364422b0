import json
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from psccnet.datasets.listing import read_listing
from psccnet.errors import InputError, WriteError
from psccnet.evaluation.comparators import Localization, Question
from psccnet.evaluation.comparators.network import Network
from psccnet.evaluation.comparators.trivial import TRIVIAL
from psccnet.evaluation.protocol import PROTOCOLS
from psccnet.evaluation.rows import Row, read_rows
from psccnet.evaluation.runs import Run
from psccnet.inference import Detector
from psccnet.weights.card import sha256

NATIVE = PROTOCOLS["native"]


class Counting:
    """A comparator that knows how often it was asked, and what."""

    name, identity, threshold, exit_scales = "counting", "1", 0.5, False

    def __init__(self) -> None:
        self.asked: list[Question] = []

    def localize(self, question: Question, /) -> Localization:
        self.asked.append(question)
        grey = question.image.mean(axis=2).astype(np.float32) / 255
        return Localization(grey, float(grey.mean()))


class Scaled(Counting):
    """One that has masks of several scales."""

    exit_scales = True


def every_row(run: Run) -> list[Row]:
    list(run.go())
    return run.rows


def test_rows_hold_what_the_detector_says(detector: Detector, listed_set: Path) -> None:
    run = Run(read_listing(listed_set), Network(detector), NATIVE)
    assert len(run) == len(list(run.go())) == 7
    for row, entry in zip(run.rows, read_listing(listed_set), strict=True):
        result = detector.detect(entry.image)
        assert (row.id, row.set, row.manipulation) == (entry.id, entry.set, entry.manipulation)
        assert (row.comparator, row.condition, row.encoding) == ("test", "", "PNG")
        assert row.sha256 == sha256(entry.image)
        assert (row.width, row.height) == (result.width, result.height)
        assert row.score == result.score
        assert row.mask_mean == pytest.approx(result.mask.mean())
        if entry.forged:
            truth = entry.truth(*result.mask.shape)
            assert row.pixels["pixel_auc"] == pytest.approx(roc_auc_score(truth.ravel(), result.mask.ravel()))
            assert row.forged_fraction == pytest.approx(truth.mean())
            assert row.histogram[1].sum() == truth.size
        else:
            assert row.forged_fraction == row.histogram[1].sum() == 0


def test_protocols_take_their_pictures_and_conditions(detector: Detector, listed_set: Path) -> None:
    entries = read_listing(listed_set)[:3]
    comparator = Counting()
    run = Run(entries, comparator, PROTOCOLS["robustness"])
    list(run.go())
    conditions = [row.condition for row in run.rows if row.id == "1.png"]
    assert conditions == [condition.name for condition in PROTOCOLS["robustness"].conditions]
    assert {row.id for row in run.rows} == {"0.png", "1.png", "2.png"}
    assert {row.id for row in every_row(Run(entries, comparator, PROTOCOLS["pretrained"]))} == {"1.png", "2.png"}
    small = next(question for question in comparator.asked if question.condition == "resize-0.25")
    assert small.image.shape == (10, 16, 3)
    assert len({row.histogram[1].sum() for row in run.rows if row.id == "1.png"}) == 1  # scored at the native size
    resized = Run(entries, comparator, PROTOCOLS["resized"])
    list(resized.go())
    assert comparator.asked[-1].image.shape == (256, 256, 3)
    assert (resized.rows[-1].width, resized.rows[-1].height) == (256, 256)
    assert [one.exit_scale for one in Run(entries, Network(detector), PROTOCOLS["exit-scales"]).conditions] == [
        4,
        3,
        2,
        1,
    ]
    assert [one.exit_scale for one in Run(entries, comparator, PROTOCOLS["exit-scales"]).conditions] == [1]


def test_the_exit_scale_is_the_mask_that_is_scored(detector: Detector, listed_set: Path) -> None:
    entry = read_listing(listed_set)[1]
    run = Run([entry], Network(detector), PROTOCOLS["exit-scales"])
    list(run.go())
    for row, condition in zip(run.rows, run.conditions, strict=True):
        expected = detector.detect(entry.image, exit_scale=condition.exit_scale).mask.max()
        assert row.mask_max == pytest.approx(expected)
    assert len({row.mask_max for row in run.rows}) == 4


def test_what_cannot_be_used_is_named_and_left_out(listed_set: Path) -> None:
    (listed_set / "0.png").unlink()
    (listed_set / "3.png").write_bytes(b"words")
    Image.new("L", (3, 4)).save(listed_set / "masks" / "1.png")
    (listed_set / "masks" / "2.png").unlink()
    run = Run(read_listing(listed_set), TRIVIAL["centre"], NATIVE)
    assert [entry.id for entry in run.go()] == ["4.png", "5.png", "6.png"]
    assert len(run.failures) == 4
    for failure, name in zip(run.failures, ("0.png", "masks/1.png", "masks/2.png", "3.png"), strict=True):
        assert failure.startswith(f"{listed_set / name}: ")


@pytest.fixture
def parts_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psccnet.evaluation.runs.PART", 2)


@pytest.mark.usefixtures("parts_of_two")
def test_a_run_that_was_stopped_goes_on_where_it_was(listed_set: Path, tmp_path: Path) -> None:
    entries, whole = read_listing(listed_set), tmp_path / "whole"
    undisturbed = Run(entries, Counting(), NATIVE, whole)
    list(undisturbed.go())
    stopped = Run(entries, Counting(), NATIVE, tmp_path / "run")
    assert len(list(islice(stopped.go(), 5))) == 5  # and then it is killed
    assert not (tmp_path / "run" / "scores.parquet").exists()
    comparator = Counting()
    run = Run(entries, comparator, NATIVE, tmp_path / "run")
    assert len(run) == 3
    list(run.go())
    assert len(comparator.asked) == 3
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["manifest.json", "scores.parquet"]
    one, two = (read_rows(folder / "scores.parquet") for folder in (whole, tmp_path / "run"))
    assert [replace(row, seconds=0, histogram=(), pixels={}) for row in one] == [
        replace(row, seconds=0, histogram=(), pixels={}) for row in two
    ]
    assert str([row.pixels for row in one]) == str([row.pixels for row in two])
    again = Counting()
    finished = Run(entries, again, NATIVE, tmp_path / "run")
    assert (len(finished), len(finished.rows), list(finished.go()), again.asked) == (0, 7, [], [])


@pytest.mark.usefixtures("parts_of_two")
def test_a_run_that_was_cut_off_while_it_was_finished(listed_set: Path, tmp_path: Path) -> None:
    list(Run(read_listing(listed_set), Counting(), NATIVE, tmp_path).go())
    (tmp_path / ".parts").mkdir()
    (tmp_path / ".parts" / "part-00000.parquet").write_bytes((tmp_path / "scores.parquet").read_bytes())
    assert len(Run(read_listing(listed_set), Counting(), NATIVE, tmp_path).rows) == 7


def test_a_changed_picture_or_mask_is_looked_at_again(listed_set: Path, tmp_path: Path) -> None:
    entries = read_listing(listed_set)
    list(Run(entries, Counting(), NATIVE, tmp_path / "run").go())
    Image.new("RGB", (64, 40), (200, 0, 0)).save(listed_set / "0.png")
    mask = np.zeros((43, 59), np.uint8)
    mask[:5, :5] = 255
    Image.fromarray(mask).save(listed_set / "masks" / "1.png")
    comparator = Counting()
    run = Run(entries, comparator, NATIVE, tmp_path / "run")
    assert [entry.id for entry in run.go()] == ["0.png", "1.png"]
    assert {question.id for question in comparator.asked} == {"0.png", "1.png"}
    assert run.rows[0].sha256 == sha256(listed_set / "0.png")
    assert run.rows[1].forged_fraction == pytest.approx(25 / mask.size)
    assert len(read_rows(tmp_path / "run" / "scores.parquet")) == 7


def test_pictures_that_no_run_can_be_of(listed_set: Path) -> None:
    entries = read_listing(listed_set)
    with pytest.raises(ValueError, match=r"1\.png is there twice"):
        Run([*entries, entries[1]], Counting(), NATIVE)
    with pytest.raises(ValueError, match="none of the 1 pictures is forged, and pretrained takes no others"):
        Run(entries[:1], Counting(), PROTOCOLS["pretrained"])


def test_the_manifest_says_what_was_measured(listed_set: Path, tmp_path: Path) -> None:
    list(Run(read_listing(listed_set), Counting(), NATIVE, tmp_path).go())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["protocol"], manifest["comparator"], manifest["identity"]) == ("native", "counting", "1")
    assert manifest["sha256"]["even/0.png"] == sha256(listed_set / "0.png")
    assert len(manifest["sha256"]) == manifest["pictures"] == 7
    (versions,) = manifest["versions"]
    assert set(versions) >= {"python", "numpy", "torch", "psccnet"}
    before = (tmp_path / "manifest.json").read_bytes()
    list(Run(read_listing(listed_set), Counting(), NATIVE, tmp_path).go())
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_a_folder_with_another_run_is_left_alone(listed_set: Path, tmp_path: Path) -> None:
    entries = read_listing(listed_set)
    list(Run(entries, Counting(), NATIVE, tmp_path).go())
    before = (tmp_path / "scores.parquet").read_bytes()
    other = Counting()
    other.identity = "2"
    with pytest.raises(ValueError, match="holds a run with other identity; name another folder"):
        Run(entries, other, NATIVE, tmp_path)
    with pytest.raises(ValueError, match="other pictures, list_sha256"):
        Run(entries[1:], Counting(), NATIVE, tmp_path)
    list(Run(entries, Scaled(), NATIVE, tmp_path / "fine").go())
    coarse = replace(NATIVE, conditions=(replace(NATIVE.conditions[0], exit_scale=4),))
    with pytest.raises(ValueError, match="other conditions"):
        Run(entries, Scaled(), coarse, tmp_path / "fine")
    assert (tmp_path / "scores.parquet").read_bytes() == before


def test_a_damaged_folder_of_a_run(listed_set: Path, tmp_path: Path) -> None:
    entries = read_listing(listed_set)
    list(Run(entries, Counting(), NATIVE, tmp_path / "run").go())
    list(Run(entries[:1], Counting(), NATIVE, tmp_path / "other").go())
    manifest = tmp_path / "run" / "manifest.json"
    whole = manifest.read_text()
    for text in (whole[:-9], "[]", ""):
        manifest.write_text(text)
        with pytest.raises(InputError, match=r"manifest\.json: not "):
            Run(entries, Counting(), NATIVE, tmp_path / "run")
    manifest.write_text(whole)
    scores = (tmp_path / "other" / "scores.parquet").read_bytes()
    (tmp_path / "run" / "scores.parquet").write_bytes(scores.replace(b"0.png", b"x.png"))
    assert len(Run(entries, Counting(), NATIVE, tmp_path / "run")) == 7


def test_a_full_disk_ends_a_run_which_can_be_taken_up(
    listed_set: Path, tmp_path: Path, fill_disk: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psccnet.evaluation.runs.PART", 3)
    entries = read_listing(listed_set)
    run = Run(entries, Counting(), NATIVE, tmp_path / "run")
    fill_disk(2)
    with pytest.raises(WriteError, match=r"part-00001\.parquet: cannot be written"):
        list(run.go())
    monkeypatch.undo()
    comparator = Counting()
    assert len(every_row(Run(entries, comparator, NATIVE, tmp_path / "run"))) == 7
    assert [question.id for question in comparator.asked] == [entry.id for entry in entries[3:]]
