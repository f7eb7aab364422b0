"""The summary page of a scan: counts, scores, failures, speed, and the pictures to examine first."""

import base64
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator
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
from psccnet.scan.sources import Sources

BINS = 20
THUMBNAIL = 240
"""Longest side of a thumbnail, in pixels."""
_GRAVEST_FIRST = ("forged", "suspicious", "nothing found", "no verdict")
REASONS = 12
"""Number of kinds of failures to list."""
_MEMBER = re.compile(r"(.+?\.(?:tar|parquet))!", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """One of the pictures to examine first.

    Attributes:
        source: name of the picture.
        score: 0..1.
        words: the verdict.
        share: share of the area that is marked, 0..1.
        sentences: of its significant findings.
        thumbnail: a data URI; "" if the picture is no longer available.
    """

    source: str
    score: float
    words: str
    share: float
    sentences: tuple[str, ...]
    thumbnail: str


@dataclass(frozen=True)
class Summary:
    """The summary of a scan.

    Attributes:
        about: the settings of the scan, by name.
        pictures: number of pictures.
        states: number of pictures by state.
        words: number of pictures by verdict, the gravest first.
        looked_at: number of pictures with a verdict.
        threshold: of the verdict, 0..1; NaN without a verdict.
        histogram: number of pictures in `BINS` equal steps of the score, 0..1.
        reasons: for each kind of failure, its reason, number and an example.
        begun: time of the first row.
        ended: time of the last row.
        megapixels: of all pictures with a verdict.
        seconds: of the network for them.
        highest: the pictures to examine first: those called forged, the least likely false alarms, the highest scores.
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
    """Summarize a scan.

    Args:
        folder: the --out of `psccnet scan`.
        top: number of pictures to show.
        progress: wraps the thumbnails, for which pictures are read again.

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
        # Without the name of the picture, with which a reason begins.
        "SELECT CASE WHEN starts_with(reason, source || ': ') THEN substr(reason, length(source) + 3) ELSE reason END,"
        " count(*), min(source) FROM results WHERE state = 'failed' GROUP BY 1 ORDER BY 2 DESC, 1"
        f" LIMIT {REASONS}",
    )[1]
    rows = ask(
        connection,
        "SELECT source, score, words, marked_fraction, findings FROM results WHERE score IS NOT NULL"
        f" ORDER BY verdict = 'forged' DESC, coalesce(false_alarms, 1), score DESC, source LIMIT {int(top)}",
    )[1]
    thumbnails = dict(progress(_thumbnails([row[0] for row in rows])))
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
        highest=[_shown(row, thumbnails.get(row[0], "")) for row in rows],
    )


def _shown(row: tuple[Any, ...], thumbnail: str) -> Shown:
    source, score, words, share, findings = row
    sentences = tuple(finding["sentence"] for finding in findings or () if finding["significant"])
    return Shown(source, score, words, share or 0.0, sentences, thumbnail)


def _gravity(words: str) -> int:
    return _GRAVEST_FIRST.index(words) if words in _GRAVEST_FIRST else len(_GRAVEST_FIRST)


def _thumbnails(sources: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each source with its thumbnail, if it is still available; archives and tables are read once each."""
    members: dict[str, set[str]] = {}
    for source in sources:
        if member := _MEMBER.match(source):
            members.setdefault(member[1], set()).add(source)
        else:
            yield source, _thumbnail(Item(source, -1, "", source))
    for archive, wanted in members.items():
        for item in Sources([archive]).items():
            if item.source in wanted:
                yield item.source, _thumbnail(item)
                wanted.remove(item.source)
                if not wanted:
                    break


def _thumbnail(item: Item) -> str:
    """A small JPEG of a picture as a data URI; "" if it is no longer available."""
    try:
        pixels = decode(item.read(), name=item.source).pixels
    except PictureError:
        return ""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    picture.save(file, format="JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def html(summary: Summary) -> str:
    """The page as a single HTML file.

    Raises:
        InputError: if Jinja2 is not installed.
    """
    from psccnet.report.document import environment, style

    highest = max(summary.histogram)
    hours = (summary.ended - summary.begun).total_seconds() / 3600
    template = environment("psccnet.scan").get_template("scan.html.j2")
    page: str = template.render(
        summary=summary,
        bars=[
            (number / BINS, (number + 1) / BINS, count, 100 * count / highest if highest else 0)
            for number, count in enumerate(summary.histogram)
        ],
        hours=hours,
        style=style(),
    )
    return page
