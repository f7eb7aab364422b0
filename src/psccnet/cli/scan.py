"""`psccnet scan`: millions of pictures, in Parquet, going on where it was; and questions to the results."""

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
from psccnet.errors import InputError, PsccnetError
from psccnet.pictures.picture_files import passed_over
from psccnet.pictures.whole_files import write_whole

if TYPE_CHECKING:
    from psccnet.scan.scanning import Scan
    from psccnet.scan.sources import Sources

NAMED = 10
"""Failures that are named as they come; all of them are in the results."""
EVERY = 30.0
"""Seconds between lines of progress where standard error is no terminal."""

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
    """Look at all pictures of the sources and keep a row of each in Parquet.

    A run that was stopped, by whatever, goes on where it was when the same command is given again. Ctrl-C finishes the
    pictures in hand. Exit status 0 done, 1 some pictures failed (each has a row with the reason), 3 results cannot be
    written, 130 interrupted.

    For example:

        psccnet scan photographs/ --out results/

        psccnet scan archive-*.tar s3://bucket/uploads/ --out results/ --shard 3/16

        psccnet scan report results/

        psccnet scan query results/ "SELECT source, score FROM results ORDER BY score DESC LIMIT 20"

    Args:
        out: folder of the results, of this scan alone.
        from_: a file with a path or URL a line, or with NUL between them; may be given several times.
        weights: a bundled name, a .safetensors file, or one that psccnet weights quantize made.
        masks: also write the mask of each picture, PNG with 8 bits, below OUT/masks/.
        threshold: score at and above which a picture is called forged; the weights' own if left out.
        exit_scale: finest mask to compute; 4 is the fastest and coarsest, auto stops where the next hardly differs.
        gate: localize only pictures that are called forged.
        evidence: look for other traces in each picture and its file, which count for the verdict; --no-evidence gives
            the network alone, in less time.
        workers: processes, each with its share of the cores, or a GPU each with --device cuda; 0 looks in this one.
        ray: look on a Ray cluster: its address, auto for the one that this machine belongs to, or local to start one
            here. Sources and OUT have to be reachable by the same names from all nodes; --workers is the number of
            actors.
        shard: which part of the pictures, such as 3/16, for several machines that share OUT.
        dedupe: compute equal bytes once, under whatever names.
        retry_failed: look again at what failed, and at nothing else.
        backend: what computes; auto takes torch on a GPU where there is one, otherwise OpenVINO.
        device: auto, cpu, cuda or mps.
        precision: auto, float32, bf16, or int8 for weights that psccnet weights quantize made.
        max_megapixels: refuse larger pictures before decoding them.
    """
    if not sources and not from_:
        raise InputError("name a source, or see psccnet scan --help")
    _require_arrow()
    from psccnet.scan.looking import Options
    from psccnet.scan.scanning import Scan, Shard
    from psccnet.scan.sources import Sources

    options = Options(
        weights, backend, device, precision, int(max_megapixels * 1e6), exit_scale, gate, threshold, evidence,
        str(out / "masks") if masks else None,
    )  # fmt: skip
    listed = Sources(sources, from_)
    found = Scan(
        listed,
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
        with _Line(found, Sources(sources, from_)) as line:
            for row in found.run(stopped):
                line.tell(row["reason"] if row["state"] == "failed" else None)
        _sum_up(found, time.monotonic() - begun)
        if stopped():
            raise KeyboardInterrupt("interrupted; what was looked at is kept, the same command goes on from here")
    return 1 if found.counts["failed"] else 0


def _require_arrow() -> None:
    """See that what writes and reads Parquet is installed, before anything is done."""
    if find_spec("pyarrow") is None:
        raise InputError("a scan needs PyArrow: pip install 'psccnet[scan]'")


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Take the first Ctrl-C or SIGTERM as a wish to end; a second Ctrl-C ends at once."""
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(_number: int, _frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before[signal.SIGINT])
        print("\npsccnet: finishing the pictures in hand; Ctrl-C again ends at once", file=sys.stderr)

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Line:
    """The line of progress: how many are done, how many a second, how many failed, and what is left.

    How many there are in all is counted in a thread of its own, while the first ones are looked at.
    """

    def __init__(self, scan: "Scan", again: "Sources") -> None:
        self._scan = scan
        self._again = again
        self._total: int | None = None
        self._begun = self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._failures = 0

    def __enter__(self) -> "_Line":
        threading.Thread(target=self._count, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def _count(self) -> None:
        # Tables hold the pictures themselves, and servers want to be asked once.
        words = (*self._again.words, *map(str, self._again.lists))
        if any("://" in word or word.lower().endswith(".parquet") for word in words):
            return
        total = 0
        try:
            for item in self._again.items():
                total += self._scan.shard.has(item.key)
        except PsccnetError:
            return  # the scan itself will say it
        self._total = total

    def tell(self, failure: str | None) -> None:
        """Say a failure, and from time to time how far it is."""
        if failure is not None:
            self._failures += 1
            if self._failures <= NAMED:
                self._clear()
                print(f"psccnet: {failure}", file=sys.stderr)
            if self._failures == NAMED:
                print("psccnet: further failures are kept in the results, and counted", file=sys.stderr)
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
        counts = self._scan.counts
        fresh = counts["done"] + counts["same"] + counts["failed"]
        rate = fresh / max(now - self._begun, 1e-9)
        text = f"{fresh + counts['before']:,}"
        if self._total is not None:
            text += f"/{self._total:,} pictures ({100 * (fresh + counts['before']) / max(self._total, 1):.1f} %)"
        else:
            text += " pictures, listing"
        text += f", {rate:.1f} a second" if rate >= 1 else f", {60 * rate:.1f} a minute"
        if counts["failed"]:
            text += f", {counts['failed']:,} failed"
        if self._total is not None and rate:
            text += f", {_time((self._total - fresh - counts['before']) / rate)} left"
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


def _sum_up(found: "Scan", seconds: float) -> None:
    counts = found.counts
    words = [f"{counts['done']:,} pictures looked at in {_time(seconds)}"]
    for state, text in (("same", "equal to another"), ("failed", "failed"), ("before", "done before")):
        if counts[state]:
            words.append(f"{counts[state]:,} {text}")
    print(f"psccnet: {', '.join(words)}: {found.folder.path}", file=sys.stderr)
    if counts["failed before"] and not found.retry_failed:
        print(f"psccnet: {counts['failed before']:,} failed before; --retry-failed tries them again", file=sys.stderr)
    if found.sources.others:
        print(f"psccnet: passed over: {passed_over(found.sources.others)}", file=sys.stderr)


@scan.command
def report(
    results: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=("--out", "-o"))] = None,
    top: Annotated[int, Parameter(validator=Number(gte=0, lte=1000))] = 24,
) -> None:
    """Sum a scan up as an HTML page: counts, scores, failures, speed, and the pictures to look at first.

    For example:

        psccnet scan report results/

    Args:
        results: folder of the scan.
        out: the page; RESULTS/report.html if left out.
        top: how many pictures to show.
    """
    _require_arrow()
    from psccnet.report.document import require
    from psccnet.scan.summary import html, summarize

    require()
    summary = summarize(results, top, lambda rows: progress(rows, "thumbnails"))
    page = out or results / "report.html"
    write_whole({page: html(summary).encode()})
    width = max(len(word) for word in (*summary.states, *summary.words))
    for state, count in summary.states.items():
        print(f"{state:<{width}}  {count:>12,}")
    for words, count in summary.words.items():
        print(f"{words:<{width}}  {count:>12,}")
    print(page)


@scan.command
def query(
    results: Path,
    sql: str,
    /,
    *,
    json_lines: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Ask the results of a scan in SQL (DuckDB); the table is called `results`, a row a picture.

    For example:

        psccnet scan query results/ "SELECT source, score FROM results ORDER BY score DESC LIMIT 20"

        psccnet scan query results/ "SELECT reason, count(*) FROM results WHERE state = 'failed' GROUP BY 1"

        psccnet scan query results/ "DESCRIBE results"

    Args:
        results: folder of the scan.
        sql: the question.
        json_lines: print one JSON object a row instead of a table.
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
