"""Every table from the runs at hand: what is chosen, what is left out, what is written between the marks."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from psccnet.errors import InputError
from psccnet.evaluation.reporting.at_hand import Part, assemble, every_table
from psccnet.evaluation.reporting.leaderboard import leaderboard
from psccnet.evaluation.reporting.marked_parts import part_of, write_parts
from psccnet.evaluation.reporting.table import Cell, Table
from psccnet.evaluation.rows import Row
from psccnet.evaluation.stored_runs import Source, StoredRun, provenance_note, stored_runs

Make = Callable[..., Row]
NAN = float("nan")


def a_run(
    row: Make,
    method: str = "net",
    protocol: str = "native",
    *,
    set_name: str = "columbia",
    date: str = "2026-01-01",
    value: float = 0.9,
    pictures: int = 3,
    identity: str = "abcdef012345" + 52 * "6" + " openvino float32",
) -> StoredRun:
    """A run of so many forged and as many pristine pictures."""
    rows = [
        row(f"{kind}{i}", kind, 0.3 + 0.3 * (kind != "pristine") + i / 100, NAN if kind == "pristine" else value, of="")
        for kind in ("pristine", "splicing")
        for i in range(pictures)
    ]
    sitting = {"date": date, "machine": "Some CPU, 2 cores", "psccnet": "1.0", "openvino": "2026.1"}
    name = f"{protocol}-{set_name}-{method}-{date}"
    return StoredRun(Path(name), protocol, Source(method, identity, [sitting]), 0.5, set_name, rows)


def line_of(table: Table, first: str) -> list[str]:
    return next(
        [cell.text() if isinstance(cell, Cell) else cell for cell in line] for line in table.rows if line[0] == first
    )


def test_all_tables_that_the_runs_allow(row: Make) -> None:
    parts, left_out = every_table([a_run(row), a_run(row, "other", value=0.7)])
    by_number = {part.number: part for part in parts}
    assert [number for number, part in by_number.items() if part.tables] == [
        "II",
        "IV",
        "imdlbenco",
        "cat-net",
        "trufor",
    ]
    assert by_number["III"].left_out == (
        "no run under the protocol finetuned is at hand. Sets of the paper: coverage, nist16, casia."
    )
    assert left_out == []
    mean = by_number["II"].tables[0]
    # Forged pictures at their native size are the same ones in both protocols.
    assert line_of(mean, "net") == ["net", "90.0"]
    assert line_of(mean, "PSCC-Net (published 1)") == ["PSCC-Net (published 1)", "98.2"]
    assert "(published 1): not measured here, no interval, whole sets; PSCC-Net paper" in "\n".join(mean.notes)
    assert "Forged pictures: columbia 3." in mean.notes
    assert "Sets of the paper that are not at hand: coverage, casia, nist16, imd2020." in mean.notes
    assert mean.notes[-1] == (
        "Measured 2026-01-01 on Some CPU, 2 cores. Methods with what tells their versions apart: "
        "net abcdef012345 openvino float32, other abcdef012345 openvino float32. psccnet 1.0, openvino 2026.1."
    )


def test_the_newest_run_counts_and_the_other_is_named(row: Make) -> None:
    old, new = a_run(row, value=0.5), a_run(row, date="2026-02-02", value=0.8)
    for runs in ([old, new], [new, old]):
        measured, left_out = assemble(runs, "native")
        assert {one.pixels["pixel_auc"] for one in measured.rows["columbia", "net", ""] if one.forged} == {0.8}
        assert left_out == [f"{old.folder}, columbia: another run of net counts"]
        assert [source.date for source in measured.sources] == ["2026-02-02"]


def test_a_run_of_the_protocol_itself_counts_before_a_native_one(row: Make) -> None:
    measured, left_out = assemble([a_run(row, value=0.5), a_run(row, protocol="pretrained", value=0.6)], "pretrained")
    assert {one.pixels["pixel_auc"] for one in measured.rows["columbia", "net", ""] if one.forged} == {0.6}
    assert left_out == []


def test_methods_stand_beside_each_other_on_the_same_pictures(row: Make) -> None:
    measured, left_out = assemble([a_run(row, pictures=5), a_run(row, "other", pictures=2)], "native")
    assert {len(rows) for rows in measured.rows.values()} == {4}
    assert left_out == ["native, columbia: 6 pictures were not measured by all methods; left out for all"]


def test_sets_with_one_class_have_no_detection(row: Make) -> None:
    run = a_run(row)
    run.rows[:] = [one for one in run.rows if one.forged]
    parts, _ = every_table([run])
    assert "needs forged and pristine pictures" in next(part.left_out for part in parts if part.number == "IV")


def test_two_weights_of_one_name_are_told_apart() -> None:
    sentence = provenance_note([Source("net", "1" * 64, []), Source("net", "2" * 64, [])])
    assert f"net {'1' * 12}, net {'2' * 12}" in sentence
    assert sentence.startswith("Measured on a day that the runs do not say on a machine that the runs do not name.")


def test_runs_that_are_not_whole_are_named(tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "manifest.json").write_text("{}")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "manifest.json").write_text("{}")
    (tmp_path / "odd" / "scores.parquet").write_bytes(b"")
    runs, left_out = stored_runs(tmp_path)
    assert runs == []
    assert left_out[0].startswith(f"{tmp_path / 'begun'}: the run is not finished")
    assert left_out[1].startswith(f"{tmp_path / 'odd' / 'manifest.json'}: not the manifest of a run")


PARTS = [Part("II", [Table("t", "Title", ["Method"], [["net"]])]), Part("III", [], "nothing at hand.")]


def test_marked_parts_are_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "results.md"
    assert write_parts(PARTS, path) == []
    text = path.read_text()
    assert part_of(text, "II") == "**Title**\n\n| Method |\n|---|\n| net |"
    assert part_of(text, "III") == "Table III is left out: nothing at hand."
    path.write_text(text.replace("# Results", "# Mine").replace("| net |", "| old |"))
    assert write_parts([*PARTS, Part("V", [], "x")], path) == ["V"]
    assert path.read_text() == text.replace("# Results", "# Mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no marks", "has no marks such as"),
        ("<!-- begin: psccnet table II -->", "needs one .* with one"),
        ("<!-- end: psccnet table II --><!-- begin: psccnet table II -->", "needs one .* with one"),
    ],
)
def test_marks_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "results.md"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        write_parts(PARTS, path)
    assert path.read_text() == text


def test_the_page_holds_every_number_and_nothing_from_elsewhere(row: Make) -> None:
    measured, _ = assemble([a_run(row, pictures=12), a_run(row, "</script><b>", pictures=12, value=0.4)], "native")
    page = leaderboard(measured)
    assert not re.search(r"(src|href)=|https?://(?!www\.w3\.org/2000/svg)", page)
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1])
    evil, net, *quoted = data["methods"]
    assert net["cells"]["columbia"]["pixel_auc"] == [0.9, 0.9, 0.9]
    assert evil["name"] == "</script><b>"
    assert "<b>" not in page
    assert data["sets"] == [{"name": "columbia", "forged": 12, "pristine": 12}]
    assert {one["name"] for one in quoted} >= {"ManTra-Net", "SPAN", "PSCC-Net", "TruFor"}
    assert all(one["published"] and one["source"] for one in quoted)
    span = next(one for one in quoted if one["name"] == "SPAN")
    assert span["cells"] == {"columbia": {"pixel_auc": [0.936, None, None]}}


def test_every_published_figure_can_stand_in_its_table(row: Make) -> None:
    runs = [
        a_run(row, set_name=name)
        for name in ("columbia", "coverage", "casia", "casia1", "nist16", "imd2020", "casia-d")
    ]
    parts, _ = every_table(runs)
    notes = {note for part in parts for table in part.tables for note in table.notes}
    assert any(
        note.startswith("(published): PSCC-Net, released weights on coverage, pixel AUC: 65-68 %;") for note in notes
    )
    detection = next(part.tables for part in parts if part.number == "IV")
    casia_d = next(table for table in detection if table.name == "table-IV-casia-d")
    assert line_of(casia_d, "PSCC-Net (published 1)") == ["PSCC-Net (published 1)", "99.7", "97.1", "2.8", "95.7"]
    assert "65-68" not in leaderboard(assemble(runs, "native")[0])
