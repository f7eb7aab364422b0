"""Reports as one self-contained file: HTML, and PDF from the same template."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

import psccnet
from psccnet.errors import InputError
from psccnet.report.section import Section, scales
from psccnet.report.sentences import limits, measured
from psccnet.weights.card import Card

INSTALL = "pip install 'psccnet[report]'"


def require(paper: bool = False) -> None:
    """Check that everything a report needs is installed, before the work begins.

    Args:
        paper: it is to be a PDF.

    Raises:
        InputError: if the extra, or a library of the system that it needs, is not installed.
    """
    if find_spec("jinja2") is None:
        raise InputError(f"a report needs Jinja2: {INSTALL}")
    if not paper:
        return
    if find_spec("weasyprint") is None:
        raise InputError(f"a PDF needs WeasyPrint: {INSTALL}; or write the report as .html and print it")
    try:
        import weasyprint  # noqa: F401 (loads Pango)
    except OSError as error:
        raise InputError(
            f"a PDF needs Pango, which is not here ({error}): apt-get install libpango-1.0-0 libpangoft2-1.0-0; or"
            " write the report as .html and print it"
        ) from error


def html(
    sections: Sequence[Section],
    card: Card,
    parameters: Mapping[str, str],
    failures: Sequence[str] = (),
    date: datetime | None = None,
) -> str:
    """Render the report as one HTML file with everything inside.

    Args:
        sections: one a picture, in order.
        card: of the weights that looked at them.
        parameters: name and value of what was chosen.
        failures: a sentence for each picture that could not be looked at.
        date: of the report; now where left out. Two reports of the same pictures differ in it alone.

    Raises:
        InputError: if the extra is not installed.
    """
    over_map, over_picture = scales()
    when = (date or datetime.now(UTC)).astimezone(UTC)
    made: str = (
        environment()
        .get_template("report.html.j2")
        .render(
            sections=sections,
            card=card,
            measured=measured(card),
            limits=limits(card),
            parameters=parameters,
            failures=failures,
            date=f"{when:%Y-%m-%d %H:%M} UTC",
            iso=when.isoformat(timespec="seconds"),
            version=psccnet.__version__,
            map_scale=over_map,
            picture_scale=over_picture,
            style=style(),
        )
    )
    return made


def pdf(page: str) -> bytes:
    """Render a report as PDF.

    Args:
        page: what `html` made.

    Raises:
        InputError: if the extra, or a library of the system that it needs, is not installed.
    """
    require(paper=True)
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    # Nothing is fetched: all pictures are in the page. A fixed identifier, since two runs differ in the date alone.
    document = HTML(string=page, url_fetcher=URLFetcher(allowed_protocols=["data"], allow_redirects=False))
    written: bytes = document.write_pdf(pdf_identifier=b"psccnet")
    return written


@cache
def environment(package: str = "psccnet.report") -> Any:
    """Jinja2 with the templates of a package; values are escaped.

    Raises:
        InputError: if Jinja2 is not installed.
    """
    require()
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style() -> str:
    """The style sheet of reports."""
    return files("psccnet.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
