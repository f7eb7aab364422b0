"""The page that sums a scan up: counts, scores, failures, speed, and the pictures to look at first."""

import base64
import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from psccnet.errors import PictureError
from psccnet.pictures.decoding import decode
from psccnet.scan.item import Item
from psccnet.scan.querying import ask, connect
from psccnet.scan.results import ScanFolder

BINS = 20
THUMBNAIL = 240
"""Longest side, pixels."""
_GRAVEST_FIRST = ("forged", "suspicious", "nothing found", "no verdict")
REASONS = 12
"""Kinds of failures that are listed."""


@dataclass(frozen=True)
class Shown:
    """One of the pictures that most deserve a look.

    Attributes:
        source: of it.
        score: 0..1.
        words: the verdict.
        share: of the area that is marked, 0..1.
        sentences: of its significant findings.
        thumbnail: a data URI; "" where the picture is not to be had any more.
    """

    source: str
    score: float
    words: str
    share: float
    sentences: tuple[str, ...]
    thumbnail: str


@dataclass(frozen=True)
class Summary:
    """What a scan found.

    Attributes:
        about: name and value of what the folder says of itself.
        pictures: rows, one a picture.
        states: state -> pictures.
        words: verdict in words -> pictures, the gravest first.
        looked_at: how many have a verdict.
        threshold: of the verdict, 0..1; NaN where there is no verdict.
        histogram: pictures by score, `BINS` equal steps of 0..1.
        reasons: kind of failure, how many, and one picture of it.
        begun: time of the first row.
        ended: time of the last one.
        megapixels: of all pictures with a verdict.
        seconds: that the network took for them.
        highest: the pictures that most deserve a look: called forged, least likely to be a false alarm, highest score.
    """

    about: dict[str, str]
    pictures: int
    states: dict[str, int]
    words: dict[str, int]
    looked_at: int
    threshold: float
    histogram: list[int]
    reasons: list[tuple[str, int, str]]
    begun: datetime
    ended: datetime
    megapixels: float
    seconds: float
    highest: list[Shown]


def summarize(
    folder: Path, top: int = 24, progress: Callable[[Iterable[Any]], Iterable[Any]] = lambda items: items
) -> Summary:
    """Sum a scan up.

    Args:
        folder: that `psccnet scan --out` named.
        top: how many pictures to show.
        progress: wraps the pictures to show, which have to be read again.

    Raises:
        InputError: if the folder holds no results, or DuckDB is not installed.
    """
    connection = connect(folder)
    states = dict(ask(connection, "SELECT state, count(*) FROM results GROUP BY state ORDER BY state")[1])
    (facts,) = ask(
        connection,
        "SELECT count(score), max(threshold), sum(width * height) / 1e6,"
        " sum(seconds), min(done_at), max(done_at) FROM results",
    )[1]
    looked_at, threshold, megapixels, seconds, begun, ended = facts
    words = dict(ask(connection, "SELECT words, count(*) FROM results WHERE words IS NOT NULL GROUP BY 1")[1])
    bins = dict(
        ask(
            connection,
            f"SELECT least({BINS - 1}, floor(score * {BINS}))::int, count(*) FROM results WHERE score IS NOT NULL"
            " GROUP BY 1",
        )[1]
    )
    reasons = ask(
        connection,
        # A reason begins with the picture's name, and goes on with what is wrong and the mend.
        "SELECT CASE WHEN starts_with(reason, source || ': ') THEN substr(reason, length(source) + 3) ELSE reason END,"
        " count(*), min(source) FROM results WHERE state = 'failed' GROUP BY 1 ORDER BY 2 DESC, 1"
        f" LIMIT {REASONS}",
    )[1]
    rows = ask(
        connection,
        "SELECT source, score, words, marked_fraction, findings FROM results WHERE score IS NOT NULL"
        f" ORDER BY verdict = 'forged' DESC, coalesce(false_alarms, 1), score DESC, source LIMIT {int(top)}",
    )[1]
    return Summary(
        about={name: str(value) for name, value in ScanFolder(folder).description().items()},
        pictures=sum(states.values()),
        states=states,
        words={word: words[word] for word in sorted(words, key=_gravity)},
        looked_at=looked_at,
        threshold=math.nan if threshold is None else threshold,
        histogram=[bins.get(number, 0) for number in range(BINS)],
        reasons=[(str(text), count, source) for text, count, source in reasons],
        begun=begun,
        ended=ended,
        megapixels=float(megapixels or 0),
        seconds=float(seconds or 0),
        highest=[_shown(*row) for row in progress(rows)],
    )


def _shown(source: str, score: float, words: str, share: float, findings: list[dict[str, Any]] | None) -> Shown:
    sentences = tuple(one["sentence"] for one in findings or () if one["significant"])
    return Shown(source, score, words, share or 0.0, sentences, _thumbnail(source))


def _gravity(words: str) -> int:
    return _GRAVEST_FIRST.index(words) if words in _GRAVEST_FIRST else len(_GRAVEST_FIRST)


def _thumbnail(source: str) -> str:
    """A small JPEG of a picture as a data URI; "" where it is not to be had any more."""
    try:
        pixels = decode(_again(source).read(), name=source).pixels
    except PictureError:
        return ""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    picture.save(file, format="JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _again(source: str) -> Item:
    """The item of a source, as the listing made it."""
    archive, mark, member = source.partition("!")
    if mark and archive.lower().endswith((".tar", ".parquet")):
        from psccnet.scan.sources import Sources

        for item in Sources([archive]).items():
            if item.source == source:
                return item
        return Item(source, -1, "", archive, fault=f"has no {member} any more")
    return Item(source, -1, "", source)


def html(summary: Summary) -> str:
    """The page, which needs nothing beside it.

    Raises:
        InputError: if Jinja2 is not installed.
    """
    from psccnet.report.document import environment, style

    highest = max(summary.histogram)
    hours = (summary.ended - summary.begun).total_seconds() / 3600
    template = environment("psccnet.scan").get_template("scan.html.j2")
    page: str = template.render(
        one=summary,
        bars=[
            (number / BINS, (number + 1) / BINS, count, 100 * count / highest if highest else 0)
            for number, count in enumerate(summary.histogram)
        ],
        hours=hours,
        style=style(),
    )
    return page
