"""`psccnet table`: measure the tables of the paper."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.measuring import find_sets, measure
from psccnet.cli.progress import report_left_out
from psccnet.errors import InputError

if TYPE_CHECKING:
    from psccnet.evaluation.comparators import Comparator

TableName = Literal["II", "III", "IV", "V", "VI", "VII", "imdlbenco", "cat-net", "trufor", "all"]


def table(
    name: TableName,
    /,
    *,
    sets: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = (),
    comparators: Annotated[tuple[str, ...], Parameter(name="--comparator", negative=())] = ("default",),
    limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    published: Annotated[bool, Parameter(negative=())] = False,
    out: Path = Path("results"),
    markdown: Path | None = None,
    html: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> int:
    """Measure a table of the paper: II and III localization, IV detection, V early exit, VI and VII robustness.

    imdlbenco, cat-net and trufor use the scores of those projects, and the table says what differs. all makes every
    table from the runs in OUT/runs; sets that are given are measured first, under every protocol.

    Prints Markdown, and writes Markdown, LaTeX, CSV and Parquet. Published rows are below the measured ones and marked.
    Runs are kept in OUT/runs: when the same command is run again, an interrupted run resumes, and a table with complete
    runs is made without running the network.

    For example:

        psccnet table V --set listing=validation/ --out results/

        psccnet table II --set columbia=downloads/columbia --set coverage=downloads/COVERAGE --comparator default
        --comparator mantranet=MantraNetv4.pt

        psccnet table all --out results/ --markdown results.md --html leaderboard.html

    Args:
        name: number of the table, the protocol of another project, or all.
        sets: NAME=FOLDER, with names from psccnet datasets list; a listing counts as the sets in its set column.
        comparators: weights (a bundled name, a file or a folder), centre, noise, ela, ghosts, cfa, dq, NAME=FOLDER with
            masks of another program, NAME="COMMAND {image} {mask}", mantranet=FILE; see docs/comparators.md.
        limit: largest number of pictures of each set, in proportion to each manipulation; always the same ones.
        published: also print all published figures, with their sources, in a separate table.
        out: folder for tables and runs.
        markdown: with all, a file whose parts between <!-- begin: psccnet table II --> and <!-- end: psccnet table II
            --> (and so on) are written anew; one that is not there is made.
        html: with all, write a page of all methods over all sets there; it needs no other file.
        device: auto, cpu, cuda or mps.
        precision: auto, float32 or bf16.
    """
    from psccnet.evaluation.comparators import find_comparator
    from psccnet.evaluation.protocol import PROTOCOLS
    from psccnet.evaluation.reporting.at_hand import made
    from psccnet.evaluation.reporting.published import published as published_figures
    from psccnet.evaluation.reporting.table import write_tables
    from psccnet.evaluation.reporting.tables import TABLES

    found = [find_comparator(comparator, device, precision) for comparator in comparators] if sets else []
    if len({comparator.name for comparator in found}) < len(found):
        raise InputError(
            "--comparator: two of them have the same name; give one of the weights another name in its card"
            " (psccnet weights import makes a card for the released ones)"
        )
    if name == "all":
        return _all(sets, found, limit, out, markdown, html)
    if markdown is not None or html is not None:
        raise InputError("--markdown and --html go with psccnet table all, which makes them of all runs in OUT/runs")
    if not sets:
        raise InputError("--set: name the pictures, such as --set columbia=downloads/columbia")
    protocol = PROTOCOLS[TABLES[name][0]]
    entries, failures = find_sets(sets, protocol, limit)
    measured, unusable = measure(entries, found, protocol, out / "runs", limit)
    status = report_left_out(failures + unusable + measured.keep_common())
    tables = made(name, measured)
    if published and name.isupper():
        tables.append(published_figures(name))
    files = write_tables(tables, out, f"table-{name}")
    print("\n".join(table.markdown() for table in tables))
    print(f"psccnet: wrote {files[0]}, its .tex, and a .csv and .parquet of each table", file=sys.stderr)
    return status


def _all(
    sets: tuple[str, ...],
    comparators: list["Comparator"],
    limit: int | None,
    out: Path,
    markdown: Path | None,
    html: Path | None,
) -> int:
    from psccnet.evaluation.reporting.at_hand import assemble, every_table
    from psccnet.evaluation.reporting.leaderboard import leaderboard
    from psccnet.evaluation.reporting.marked_parts import write_parts
    from psccnet.evaluation.reporting.table import write_tables
    from psccnet.evaluation.stored_runs import stored_runs
    from psccnet.pictures.whole_files import make_folder, write_whole

    status = report_left_out(_measure_all(sets, comparators, limit, out)) if sets else 0
    runs, unreadable = stored_runs(out / "runs")
    if not runs:
        raise InputError(f"{out / 'runs'}: no finished run there; measure with --set, or by psccnet table II and so on")
    parts, left_out = every_table(runs)
    for part in parts:
        if not part.tables:
            print(f"psccnet: {part.title} is left out: {part.left_out}", file=sys.stderr)
            continue
        write_tables(part.tables, out, f"table-{part.number}")
        print("\n".join(made_table.markdown() for made_table in part.tables))
    status = report_left_out(unreadable + left_out) or status
    if markdown is not None:
        absent = write_parts(parts, markdown)
        if absent:
            print(f"psccnet: {markdown} has no place for {', '.join(absent)}; not written there", file=sys.stderr)
    if html is not None:
        measured, _ = assemble(runs, "native")
        if not measured.sets:
            raise InputError("--html: needs runs under the protocol native; psccnet table IV makes them")
        make_folder(html.parent)
        write_whole({html: leaderboard(measured).encode()})
    print(f"psccnet: wrote the tables to {out}", file=sys.stderr)
    return status


def _measure_all(sets: tuple[str, ...], comparators: list["Comparator"], limit: int | None, out: Path) -> list[str]:
    """Measure each protocol that the tables need, where it applies to a set and a method; return what was left out."""
    from psccnet.datasets.catalogue import has_split
    from psccnet.evaluation.protocol import PROTOCOLS

    left_out: list[str] = []
    for name in ("native", "exit-scales", "robustness", "finetuned"):
        protocol = PROTOCOLS[name]
        chosen = [argument for argument in sets if protocol.split is None or has_split(argument.partition("=")[0])]
        methods = [method for method in comparators if name != "exit-scales" or method.exit_scales]
        if not chosen or not methods:
            continue
        entries, failures = find_sets(tuple(chosen), protocol, limit)
        entries = {title: found for title, found in entries.items() if protocol.chosen(found)}
        left_out += failures + measure(entries, methods, protocol, out / "runs", limit)[1]
    return list(dict.fromkeys(left_out))
