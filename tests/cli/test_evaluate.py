import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.datasets.listing import read_listing
from psccnet.evaluation.comparators.network import Network
from psccnet.evaluation.protocol import PROTOCOLS
from psccnet.evaluation.runs import Run
from psccnet.evaluation.summary import SCORES, summarize
from psccnet.inference import Detector

from .conftest import Run as Command


@pytest.fixture
def summary(detector: Detector, listed_set: Path) -> dict[str, float]:
    run = Run(read_listing(listed_set), Network(detector), PROTOCOLS["native"])
    list(run.go())
    return summarize(run.rows, 0.5)


@pytest.mark.slow
def test_numbers_for_people(psccnet: Command, small: tuple, listed_set: Path, summary: dict[str, float]) -> None:
    done = psccnet("evaluate", listed_set, *small)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) == 10
    assert "7 pictures, 4 forged; verdict at score >= 0.500" in lines[0]
    assert lines[0].startswith("test ")
    assert lines[1].split() == ["pixel", "AUC,", "mean", "over", "forged", "pictures", f"{summary['pixel_auc']:.3f}"]
    kinds = ", ".join(f"{kind} {summary[f'pixel_auc_{kind}']:.3f}" for kind in ("copy-move", "removal", "splicing"))
    assert lines[2].strip() == kinds
    assert lines[-1] == f"  --all prints the other {len(SCORES) - 7} scores, --json all of them"
    assert "95 %" not in done.out  # of seven pictures


def test_all_numbers(psccnet: Command, small: tuple, listed_set: Path, summary: dict[str, float]) -> None:
    lines = psccnet("evaluate", listed_set, "--all", *small).out.splitlines()
    assert len(lines) == 2 + len(SCORES)
    for name, label in SCORES.items():
        line = next(line for line in lines if line.strip().startswith(f"{label} "))
        assert line.split()[-1] == ("-" if np.isnan(summary[name]) else f"{summary[name]:.3f}")


def test_an_interval_stands_behind_its_score(psccnet: Command, listed_set: Path) -> None:
    index = listed_set / "index.csv"
    with index.open() as file:
        rows = list(csv.DictReader(file))
    for number in range(10):
        for row in [next(row for row in rows if row["manipulation"] == kind) for kind in ("pristine", "splicing")]:
            name = f"more-{row['manipulation']}-{number}.png"
            (listed_set / name).write_bytes((listed_set / row["image"]).read_bytes())
            rows.append({**row, "image": name})
    with index.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    found = json.loads(psccnet("evaluate", listed_set, "--comparator", "centre", "--json").out)
    low, high = (f"{found[f'pixel_auc_{end}']:.3f}" for end in ("low", "high"))
    lines = psccnet("evaluate", listed_set, "--comparator", "centre").out.splitlines()
    assert lines[1].endswith(f" {found['pixel_auc']:.3f}   95 % [{low}, {high}]")
    assert (found["pictures"], found["forged"]) == (27, 14)
    assert '"pictures": 27,' in psccnet("evaluate", listed_set, "--comparator", "centre", "--json").out


def test_some_of_the_pictures(psccnet: Command, listed_set: Path, tmp_path: Path) -> None:
    def ids(name: str) -> list[str]:
        done = psccnet("evaluate", listed_set, "--comparator", "centre", "--limit", "5", "--out", tmp_path / name)
        assert done.err == "psccnet: 5 of 7 pictures, because of --limit\n"
        with (tmp_path / name).open() as file:
            rows = list(csv.DictReader(file))
        assert len({row["manipulation"] for row in rows}) == 4
        return [row["id"] for row in rows]

    assert ids("a.csv") == ids("b.csv")


def test_json(psccnet: Command, small: tuple, listed_set: Path, summary: dict[str, float]) -> None:
    done = psccnet("evaluate", listed_set / "index.csv", "--json", *small)
    found = json.loads(done.out)
    assert found.pop("model").startswith("test ")
    assert found.pop("listing") == str(listed_set / "index.csv")
    assert (found.pop("protocol"), found.pop("condition")) == ("native", "")
    expected = {name: None if np.isnan(value) else value for name, value in summary.items()}
    assert found == pytest.approx(expected, abs=1e-6)


def test_what_is_not_defined_is_null_or_a_dash(psccnet: Command, small: tuple, listed_set: Path) -> None:
    index = listed_set / "index.csv"
    index.write_text("image,mask,manipulation\n0.png,,pristine\n3.png,,pristine\n")
    found = json.loads(psccnet("evaluate", listed_set, "--json", *small).out)
    assert (found["pixel_auc"], found["image_auc"], found["pictures"]) == (None, None, 2)
    lines = psccnet("evaluate", listed_set, *small).out.splitlines()
    assert next(line for line in lines if "image AUC, detection score" in line).split()[-1] == "-"


def test_a_file_with_a_row_a_picture(psccnet: Command, small: tuple, listed_set: Path, tmp_path: Path) -> None:
    done = psccnet("evaluate", listed_set, "--set", "odd", "--out", tmp_path / "scores.csv", *small)
    assert done.status == 0
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["1.png", "3.png", "5.png"]
    assert {row["set"] for row in rows} == {"odd"}
    both = psccnet("evaluate", listed_set, "--set", "odd", "--set", "even", "--json", *small)
    assert json.loads(both.out)["pictures"] == 7


def test_a_folder_that_a_run_goes_on_in(
    psccnet: Command, small: tuple, listed_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = psccnet("evaluate", listed_set, "--out", tmp_path / "run", *small)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"manifest.json", "scores.parquet"}

    def nothing(*_: object) -> None:
        raise AssertionError("the network must not be asked again")

    monkeypatch.setattr(Network, "localize", nothing)
    again = psccnet("evaluate", listed_set, "--out", tmp_path / "run", *small)
    assert (again.status, again.out) == (0, first.out)
    other = psccnet("evaluate", listed_set, "--comparator", "centre", "--out", tmp_path / "run")
    assert other.status == 2
    assert "holds a run with other comparator, identity; name another folder" in other.err


def test_a_protocol_of_several_conditions(psccnet: Command, small: tuple, listed_set: Path) -> None:
    done = psccnet("evaluate", listed_set, "--protocol", "exit-scales", *small)
    heads = [line for line in done.out.splitlines() if not line.startswith(" ")]
    assert [head.split(", ")[2].split(";")[0] for head in heads] == ["Mask 4", "Mask 3", "Mask 2", "w/o distortion"]
    lines = [json.loads(line) for line in psccnet(
        "evaluate", listed_set, "--protocol", "robustness", "--json", "--comparator", "noise"
    ).out.splitlines()]  # fmt: skip
    assert [line["condition"] for line in lines] == [one.name for one in PROTOCOLS["robustness"].conditions]
    assert len({line["pixel_auc"] for line in lines}) > 5
    wrong = psccnet("evaluate", listed_set, "--protocol", "mine")
    assert wrong.status == 2
    assert wrong.err.startswith("psccnet: --protocol: there is no 'mine'; known are native, resized,")


def test_another_method(psccnet: Command, listed_set: Path) -> None:
    lines = psccnet("evaluate", listed_set, "--comparator", "centre").out.splitlines()
    assert lines[0] == "centre 1: 7 pictures, 4 forged"
    assert next(line for line in lines if "pristine pictures called forged" in line).endswith(" -")


def test_pictures_that_cannot_be_used_are_named_and_left_out(psccnet: Command, small: tuple, listed_set: Path) -> None:
    Image.fromarray(np.zeros((5, 6), np.uint8)).save(listed_set / "masks" / "2.png")
    (listed_set / "0.png").unlink()
    done = psccnet("evaluate", listed_set, "--json", *small)
    assert done.status == 1
    errors = done.err.splitlines()
    assert errors[0] == f"psccnet: left out: {listed_set / '0.png'}: there is no such file; check the path."
    assert errors[1] == (
        f"psccnet: left out: {listed_set / 'masks' / '2.png'}: the mask is 6 x 5, its picture 54 x 46; they must match."
    )
    assert json.loads(done.out)["pictures"] == 5


def test_nothing_left(psccnet: Command, small: tuple, listed_set: Path) -> None:
    for picture in listed_set.glob("*.png"):
        picture.unlink()
    done = psccnet("evaluate", listed_set, *small)
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines()[-1] == f"psccnet: {listed_set}: none of its 7 pictures could be used"


def test_mistakes_in_the_listing_stop_it(psccnet: Command, small: tuple, listed_set: Path) -> None:
    index = listed_set / "index.csv"
    index.write_text("image,mask,manipulation\n0.png,,pristine\n1.png,,removal\n")
    done = psccnet("evaluate", listed_set, *small)
    assert (done.status, done.out) == (2, "")
    assert done.err == f"psccnet: {index}, row 3: 1.png has no mask; correct the row.\n"
    done = psccnet("evaluate", listed_set / "nothing", *small)
    assert done.status == 2
    assert "there is no such index" in done.err


def test_exit_scale(psccnet: Command, small: tuple, listed_set: Path, summary: dict[str, float]) -> None:
    found = json.loads(psccnet("evaluate", listed_set, "--json", "--exit-scale", 4, *small).out)
    assert found["image_auc"] == pytest.approx(summary["image_auc"])
    assert found["pixel_auc"] != pytest.approx(summary["pixel_auc"], abs=1e-6)
    assert found["condition"] == "mask-4"
    for words in (("--protocol", "robustness"), ("--comparator", "centre")):
        refused = psccnet("evaluate", listed_set, "--exit-scale", 4, *words)
        assert refused.status == 2
        assert "--exit-scale needs weights" in refused.err


def test_a_full_disk_or_ctrl_c_ends_a_run_that_can_be_taken_up(
    psccnet: Command,
    listed_set: Path,
    tmp_path: Path,
    fill_disk: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ("evaluate", listed_set, "--comparator", "centre")
    fill_disk(2)
    done = psccnet(*words, "--out", tmp_path / "run")
    assert (done.status, done.out, done.err.count("\n")) == (3, "", 1)
    assert f"{tmp_path}/run/.parts/part-00000.parquet: cannot be written (No space left on device)" in done.err
    monkeypatch.undo()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("psccnet.evaluation.runs.score_picture", interrupted)
        gone_on = psccnet(*words, "--out", tmp_path / "run")
        alone = psccnet(*words)
    assert gone_on == (130, "", "psccnet: interrupted; run the same command again to resume\n")
    assert alone == (130, "", "psccnet: interrupted\n")
    assert psccnet(*words, "--out", tmp_path / "run").status == 0


def test_scores_that_cannot_be_written_are_still_summed_up(
    psccnet: Command, listed_set: Path, tmp_path: Path, fill_disk: Callable[[int], None]
) -> None:
    fill_disk(1)
    done = psccnet("evaluate", listed_set, "--comparator", "centre", "--out", tmp_path / "scores.csv")
    assert done.status == 3
    assert "7 pictures, 4 forged" in done.out
    assert f"{tmp_path}/scores.csv: cannot be written" in done.err


def test_distorted_pictures(psccnet: Command, small: tuple, listed_set: Path) -> None:
    found = json.loads(psccnet("evaluate", listed_set, "--json", "--distort", "social", *small).out)
    assert found["condition"] == "social"
    for words in (("--distort", "ocean"), ("--distort", "social", "--protocol", "robustness")):
        refused = psccnet("evaluate", listed_set, *words, *small)
        assert refused.status == 2
        assert "--distort needs the protocol native" in refused.err


def test_black_may_be_forged(psccnet: Command, listed_set: Path) -> None:
    expected = psccnet("evaluate", listed_set, "--comparator", "noise", "--json").out
    for path in (listed_set / "masks").glob("*.png"):
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    for words in (("--mask-rule", "black"), ("--dataset", "listing:black")):
        assert psccnet("evaluate", listed_set, "--comparator", "noise", "--json", *words).out == expected
    assert psccnet("evaluate", listed_set, "--comparator", "noise", "--json").out != expected
    assert psccnet("datasets", "check", "listing", listed_set, "--mask-rule", "black", "--whole").status == 0
    assert psccnet("evaluate", listed_set, "--mask-rule", "red").status != 0


def test_a_damaged_picture_is_neither_whole_nor_scored(psccnet: Command, listed_set: Path) -> None:
    path = listed_set / "1.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    checked = psccnet("datasets", "check", "listing", listed_set, "--whole")
    assert (checked.status, "1 files that cannot be read, left out" in checked.out) == (1, True)
    done = psccnet("evaluate", listed_set, "--comparator", "centre", "--json")
    assert (done.status, json.loads(done.out)["pictures"]) == (1, 6)
    assert "1.png: truncated or damaged (the checksum of its IDAT chunk" in done.err


def test_a_protocol_of_others_prints_its_scores_and_differences(psccnet: Command, listed_set: Path) -> None:
    done = psccnet("evaluate", listed_set, "--comparator", "centre", "--protocol", "trufor")
    assert done.status == 0
    assert "F1 at the best threshold, borders ignored, permuted, mean over forged pictures" in done.out
    assert "  F1 leaves out the pixels near the border of a forged region" in done.out
    assert "pixel AUC, mean" not in done.out
