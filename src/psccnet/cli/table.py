"""`psccnet table`: the tables of the paper, measured."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.measuring import find_sets, measure
from psccnet.cli.progress import tell_left_out
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

    imdlbenco, cat-net and trufor measure by the scores of those projects, and say in what they differ. all makes every
    table from the runs that are in OUT/runs; sets that are given are measured first, under every protocol.

    Prints Markdown and writes it with LaTeX, CSV and Parquet. Rows that others published stand below the measured ones
    and say so. Runs are kept in OUT/runs: given again, the command goes on where it was stopped, and a table whose runs
    are whole is made anew without running the network.

    For example:

        psccnet table V --set listing=validation/ --out results/

        psccnet table II --set columbia=downloads/columbia --set coverage=downloads/COVERAGE --comparator default
        --comparator mantranet=MantraNetv4.pt

        psccnet table all --out results/ --markdown results.md --html leaderboard.html

    Args:
        name: number of the table, another project's protocol, or all.
        sets: NAME=FOLDER, by the names of `psccnet datasets list`; a listing counts as the sets in its set column.
        comparators: weights (a bundled name, a file or a folder), centre, noise, ela, ghosts, cfa, dq, NAME=FOLDER with
            masks that another program wrote, NAME="COMMAND {image} {mask}", mantranet=FILE; see docs/comparators.md.
        limit: at most so many pictures of each set, of each manipulation in proportion; always the same ones.
        published: print also all figures that others published, with their sources, in a table of their own.
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

    found = [find_comparator(text, device, precision) for text in comparators] if sets else []
    if len({one.name for one in found}) < len(found):
        raise InputError(
            "--comparator: two of them have the same name; give one of the weights another name in its card"
            " (released ones get a card by psccnet weights import)"
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
    status = tell_left_out(failures + unusable + measured.keep_common())
    tables = made(name, measured)
    if published and name.isupper():
        tables.append(published_figures(name))
    files = write_tables(tables, out, f"table-{name}")
    print("\n".join(one.markdown() for one in tables))
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

    status = tell_left_out(_measure_all(sets, comparators, limit, out)) if sets else 0
    runs, unreadable = stored_runs(out / "runs")
    if not runs:
        raise InputError(f"{out / 'runs'}: no finished run there; measure with --set, or by psccnet table II and so on")
    parts, told = every_table(runs)
    for part in parts:
        if not part.tables:
            print(f"psccnet: {part.title} is left out: {part.left_out}", file=sys.stderr)
            continue
        write_tables(part.tables, out, f"table-{part.number}")
        print("\n".join(one.markdown() for one in part.tables))
    status = tell_left_out(unreadable + told) or status
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
    """Measure each protocol that a table needs and that means something to a set and a method; what was left out."""
    from psccnet.datasets.catalogue import has_split
    from psccnet.evaluation.protocol import PROTOCOLS

    told: list[str] = []
    for name in ("native", "exit-scales", "robustness", "finetuned"):
        protocol = PROTOCOLS[name]
        chosen = [one for one in sets if protocol.split is None or has_split(one.partition("=")[0])]
        methods = [one for one in comparators if name != "exit-scales" or one.exit_scales]
        if not chosen or not methods:
            continue
        entries, failures = find_sets(tuple(chosen), protocol, limit)
        entries = {title: found for title, found in entries.items() if protocol.chosen(found)}
        told += failures + measure(entries, methods, protocol, out / "runs", limit)[1]
    return list(dict.fromkeys(told))
