from pathlib import Path

import pytest

from psccnet.evaluation.comparators.network import Network

from .conftest import Run as Command


def test_a_table_of_two_sets(
    psccnet: Command, weights_file: Path, listed_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("table", "V", "--set", f"listing={listed_set}", "--comparator", weights_file, "--out", tmp_path / "out")
    done = psccnet(*words, "--precision", "float32", "--device", "cpu")
    assert done.status == 0
    assert "| Variant | even AUC | even F1 | odd AUC | odd F1 | Runtime |" in done.out
    assert [line.split("|")[1].strip() for line in done.out.splitlines() if line.startswith("| test")] == [
        f"test, Mask {scale}" for scale in (4, 3, 2, 1)
    ]
    assert "table-V.md" in done.err
    assert (tmp_path / "out" / "table-V.tex").read_text().count(r"\begin{table}") == 1
    assert len(list((tmp_path / "out" / "runs").glob("*/scores.parquet"))) == 2

    def nothing(*_: object) -> None:
        raise AssertionError("the network must not be asked again")

    monkeypatch.setattr(Network, "localize", nothing)
    assert psccnet(*words, "--precision", "float32", "--device", "cpu").out == done.out


def test_published_figures_stand_apart(psccnet: Command, listed_set: Path, tmp_path: Path) -> None:
    words = ("table", "II", "--set", f"listing={listed_set}", "--comparator", "centre", "--out", tmp_path)
    measured = psccnet(*words).out
    both = psccnet(*words, "--published").out
    assert both.startswith(measured.rstrip())
    assert "82.9" not in measured
    assert "| PSCC-Net | casia | pixel AUC | 82.9 |" in both
    assert "not measured here" in both


def test_pictures_left_out_are_named(psccnet: Command, listed_set: Path, tmp_path: Path) -> None:
    (listed_set / "1.png").unlink()
    words = ("table", "II", "--set", f"listing={listed_set}", "--comparator", "centre", "--out", tmp_path)
    done = psccnet(*words)
    assert done.status == 1
    assert f"left out: {listed_set / '1.png'}" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "folder"), "'folder' is not NAME=FOLDER"),
        (("--set", "mine=folder"), "There is no data set 'mine'"),
    ],
)
def test_words_that_name_no_set(psccnet: Command, words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = psccnet("table", "II", *words, "--comparator", "centre", "--out", tmp_path / "out")
    assert done.status == 2
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_two_sets_of_one_name(psccnet: Command, listed_set: Path, tmp_path: Path) -> None:
    index = (listed_set / "index.csv").read_text().replace("even,", "a/b,").replace("odd,", "c,")
    (listed_set / "index.csv").write_text(index)
    words = ("--comparator", "centre", "--out", tmp_path / "out", "--set", f"listing={listed_set}")
    done = psccnet("table", "VI", *words)
    assert done.status == 0
    assert {path.name for path in (tmp_path / "out").glob("*.csv")} == {"table-VI-a-b.csv", "table-VI-c.csv"}
    again = psccnet("table", "II", *words, "--set", f"listing={listed_set}")
    assert again.status == 2
    assert "is another set called a/b; change its name" in again.err


def test_two_of_one_name(psccnet: Command, listed_set: Path, tmp_path: Path) -> None:
    words = ("--set", f"listing={listed_set}", "--comparator", "centre", "--comparator", "centre", "--out", tmp_path)
    done = psccnet("table", "II", *words)
    assert done.status == 2
    assert "the same name" in done.err


def test_all_tables_from_the_runs_at_hand(psccnet: Command, listed_set: Path, tmp_path: Path) -> None:
    words = (
        "--set",
        f"listing={listed_set}",
        "--comparator",
        "centre",
        "--comparator",
        "dq",
        "--out",
        tmp_path / "out",
    )
    assert psccnet("table", "IV", *words, "--limit", 3).status == 0
    report, page = tmp_path / "results.md", tmp_path / "page.html"
    done = psccnet("table", "all", "--out", tmp_path / "out", "--markdown", report, "--html", page)
    assert done.status == 0
    assert "Table VI is left out: no run under the protocol robustness is at hand" in done.err
    text = report.read_text()
    assert "| centre | " in text
    assert "Measured 20" in text
    assert (tmp_path / "out" / "table-II.csv").is_file()
    assert '"name": "dq"' in page.read_text()
    again = psccnet("table", "all", "--out", tmp_path / "out", "--markdown", report)
    assert (again.status, report.read_text()) == (0, text)


def test_all_measures_the_sets_that_are_given(psccnet: Command, listed_set: Path, tmp_path: Path) -> None:
    words = ("--set", f"listing={listed_set}", "--comparator", "centre", "--limit", 2, "--out", tmp_path)
    done = psccnet("table", "all", *words)
    assert done.status == 0
    made = {path.stem for path in tmp_path.glob("*.md")}
    # A centre prior has no exit scales, and a listing no split for fine-tuning.
    assert made == {"table-II", "table-IV", "table-VI", "table-VII", "table-imdlbenco", "table-cat-net", "table-trufor"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("II", "--markdown", "x.md", "--set", "listing=a", "--comparator", "centre"), "--markdown and --html go with"),
        (("II",), "--set: name the pictures"),
        (("all", "--out", "nothing-there"), "no finished run there"),
    ],
)
def test_tables_that_cannot_be_made(psccnet: Command, words: tuple[str, ...], message: str) -> None:
    done = psccnet("table", *words)
    assert done.status == 2
    assert message in done.err
