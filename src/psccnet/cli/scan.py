"""`psccnet scan`: examine millions of pictures into Parquet, resume, and query the results."""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from psccnet.cli.inputs import BackendName
from psccnet.cli.progress import progress
from psccnet.errors import InputError
from psccnet.pictures.picture_files import passed_over
from psccnet.pictures.whole_files import write_whole

if TYPE_CHECKING:
    from psccnet.scan.scanning import Scan

NAMED = 10
"""Number of failures that are printed; all of them are in the results."""
EVERY = 30.0
"""Seconds between lines of progress if standard error is not a terminal."""

scan = App(name="scan")


@scan.default
def run(
    *sources: Annotated[
        str, Parameter(help="Folders, pictures, globs, .tar, .parquet, lists in .txt, or URLs such as s3://.")
    ],
    out: Annotated[Path, Parameter(name=("--out", "-o"))],
    from_: Annotated[tuple[Path, ...], Parameter(name="--from", negative=())] = (),
    weights: str = "default",
    masks: Annotated[bool, Parameter(negative=())] = False,
    threshold: Annotated[float | None, Parameter(validator=Number(gte=0, lte=1))] = None,
    exit_scale: Literal[1, 2, 3, 4, "auto"] = 1,
    gate: Annotated[bool, Parameter(negative=())] = False,
    evidence: bool = True,
    workers: Annotated[int, Parameter(validator=Number(gte=0, lte=1024))] = 0,
    ray: str = "",
    shard: str = "1/1",
    dedupe: Annotated[bool, Parameter(negative=())] = False,
    retry_failed: Annotated[bool, Parameter(negative=())] = False,
    backend: BackendName = "auto",
    device: str = "auto",
    precision: str = "auto",
    max_megapixels: Annotated[float, Parameter(validator=Number(gt=0, lte=100_000))] = 200,
) -> int:
    """Examine all pictures of the sources, and write a row for each into Parquet files.

    A run that was stopped in any way resumes when the same command is run again. Ctrl-C finishes the pictures in
    progress first. Exit status 0 done, 1 some pictures failed (each has a row with the reason), 3 results cannot be
    written, 130 interrupted.

    For example:

        psccnet scan photographs/ --out results/

        psccnet scan archive-*.tar s3://bucket/uploads/ --out results/ --shard 3/16

        psccnet scan report results/

        psccnet scan query results/ "SELECT source, score FROM results ORDER BY score DESC LIMIT 20"

    Args:
        out: folder for the results of this scan.
        from_: a file with a path or URL per line, or separated by NUL; - for standard input; may be given several
            times.
        weights: a bundled name, a .safetensors file, or one made by psccnet weights quantize.
        masks: also write the mask of each picture, as 8-bit PNG, into OUT/masks/.
        threshold: score at and above which a picture is called forged; by default that of the weights.
        exit_scale: finest mask to compute; 4 is the fastest and coarsest, auto stops when masks hardly change.
        gate: localize only in pictures that are called forged.
        evidence: also look for other traces in each picture and its file, which count for the verdict; --no-evidence
            uses the network alone, which is faster.
        workers: number of processes, each with its share of the cores, or with --device cuda a GPU; 0 uses this
            process.
        ray: use a Ray cluster: its address, auto for the cluster of this machine, or local to start one here. Sources
            and OUT must have the same paths on all nodes; --workers is the number of actors.
        shard: which part of the pictures, such as 3/16, for several machines that share OUT.
        dedupe: compute equal bytes once, even under different names.
        retry_failed: examine only pictures that failed.
        backend: runtime; auto takes torch if there is an NVIDIA GPU, otherwise OpenVINO.
        device: auto, cpu, cuda or mps.
        precision: auto, float32, bf16, or int8 for weights made by psccnet weights quantize.
        max_megapixels: refuse larger pictures before decoding them.
    """
    if not sources and not from_:
        raise InputError("give a source, or see psccnet scan --help")
    _require_arrow()
    from psccnet.scan.looking import Options
    from psccnet.scan.scanning import Scan, Shard
    from psccnet.scan.sources import Sources

    options = Options(
        weights, backend, device, precision, int(max_megapixels * 1e6), exit_scale, gate, threshold, evidence,
        str(out / "masks") if masks else None,
    )  # fmt: skip
    chosen = Scan(
        Sources(sources, from_),
        out,
        options,
        shard=Shard.parse(shard),
        workers=workers,
        ray=ray,
        dedupe=dedupe,
        retry_failed=retry_failed,
    )
    begun = time.monotonic()
    with _stopping() as stopped:
        with _Line(chosen) as line:
            for row in chosen.run(stopped):
                line.show(row["reason"] if row["state"] == "failed" else None)
        _sum_up(chosen, time.monotonic() - begun)
        if stopped():
            raise KeyboardInterrupt("interrupted; the results so far are kept, run the same command again to resume")
    return 1 if chosen.counts["failed"] else 0


def _require_arrow() -> None:
    """Check that PyArrow is installed, before anything is done."""
    if find_spec("pyarrow") is None:
        raise InputError("a scan needs PyArrow: pip install 'psccnet[scan]'")


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Treat the first Ctrl-C or SIGTERM as a request to stop; a second Ctrl-C stops at once."""
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(_number: int, _frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before[signal.SIGINT])
        print("\npsccnet: finishing the pictures in progress; press Ctrl-C again to stop at once", file=sys.stderr)

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Line:
    """The line of progress: pictures done, per second and failed, and the remaining time once all are listed."""

    def __init__(self, scan: "Scan") -> None:
        self._scan = scan
        self._begun = self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._failures = 0

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def show(self, failure: str | None) -> None:
        """Print a failure if there is one, and from time to time the progress."""
        if failure is not None:
            self._failures += 1
            if self._failures <= NAMED:
                self._clear()
                print(f"psccnet: {failure}", file=sys.stderr)
            if self._failures == NAMED:
                print("psccnet: further failures are only counted; the results have all of them", file=sys.stderr)
        now = time.monotonic()
        if now - self._shown < (0.2 if self._terminal else EVERY):
            return
        self._shown = now
        self._clear()
        print(self._text(now), end="" if self._terminal else "\n", file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def _text(self, now: float) -> str:
        counts, total = self._scan.counts, self._scan.total
        fresh = counts["done"] + counts["same"] + counts["failed"]
        passed = fresh + counts["before"] + counts["skipped"]
        rate = fresh / max(now - self._begun, 1e-9)
        text = f"{passed:,}"
        if total is not None:
            text += f"/{total:,} pictures ({100 * passed / max(total, 1):.1f} %)"
        else:
            text += " pictures, listing"
        text += f", {rate:.1f} per second" if rate >= 1 else f", {60 * rate:.1f} per minute"
        if counts["failed"]:
            text += f", {counts['failed']:,} failed"
        if total is not None and rate:
            text += f", {_time((total - passed) / rate)} left"
        return text


def _time(seconds: float) -> str:
    """Such as 40 s, 12 min, 3 h 05 min, 2 days 4 h."""
    minutes, hours = round(seconds / 60), int(seconds // 3600)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h {int(seconds % 3600 // 60):02d} min"
    return f"{hours // 24} days {hours % 24} h"


def _sum_up(scan: "Scan", seconds: float) -> None:
    counts = scan.counts
    parts = [f"{counts['done']:,} pictures examined in {_time(seconds)}"]
    for state, text in (("same", "equal to another"), ("failed", "failed"), ("before", "done before")):
        if counts[state]:
            parts.append(f"{counts[state]:,} {text}")
    print(f"psccnet: {', '.join(parts)}: {scan.folder.path}", file=sys.stderr)
    if counts["failed before"] and not scan.retry_failed:
        print(f"psccnet: {counts['failed before']:,} failed before; --retry-failed tries them again", file=sys.stderr)
    if scan.sources.others:
        print(f"psccnet: skipped: {passed_over(scan.sources.others)}", file=sys.stderr)


@scan.command
def report(
    results: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=("--out", "-o"))] = None,
    top: Annotated[int, Parameter(validator=Number(gte=0, lte=1000))] = 24,
) -> None:
    """Summarize a scan as an HTML page: counts, scores, failures, speed, and the pictures to examine first.

    For example:

        psccnet scan report results/

    Args:
        results: folder of the scan.
        out: the page; by default RESULTS/report.html.
        top: number of pictures to show.
    """
    _require_arrow()
    from psccnet.report.document import require
    from psccnet.scan.summary import html, summarize

    require()
    summary = summarize(results, top, lambda thumbnails: progress(thumbnails, "thumbnails"))
    page = out or results / "report.html"
    write_whole({page: html(summary).encode()})
    width = max(len(label) for label in (*summary.states, *summary.words))
    for label, count in (*summary.states.items(), *summary.words.items()):
        print(f"{label:<{width}}  {count:>12,}")
    print(page)


@scan.command
def query(
    results: Path,
    sql: str,
    /,
    *,
    json_lines: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Query the results of a scan in SQL (DuckDB); the table is called `results`, with one row per picture.

    For example:

        psccnet scan query results/ "SELECT source, score FROM results ORDER BY score DESC LIMIT 20"

        psccnet scan query results/ "SELECT reason, count(*) FROM results WHERE state = 'failed' GROUP BY 1"

        psccnet scan query results/ "DESCRIBE results"

    Args:
        results: folder of the scan.
        sql: the query.
        json_lines: print one JSON object per row instead of a table.
    """
    _require_arrow()
    from psccnet.scan.querying import ask, connect

    names, rows = ask(connect(results), sql)
    if json_lines:
        for row in rows:
            print(json.dumps(dict(zip(names, row, strict=True)), default=_plain))
        return
    cells = [names, *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(names))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else value.hex() if isinstance(value, bytes) else str(value)


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
