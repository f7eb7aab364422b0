"""The report as a page and on paper: whole, alone, the same twice, and safe against what files are called."""

import io
import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image

from psccnet.errors import InputError
from psccnet.inference.rendering import png
from psccnet.report import document
from psccnet.report.document import html, pdf
from psccnet.report.section import Section, section_of
from psccnet.weights import Card

from .conftest import CAMERA, COPY_MOVE, DATE, NOISE, result_of

PARAMETERS = {"backend": "openvino, float32"}


@pytest.fixture
def section(pixels: np.ndarray, card: Card) -> Section:
    return section_of(result_of(0.8, (COPY_MOVE, NOISE, CAMERA)), pixels, png(pixels), card)


def test_a_report_has_all_of_it(section: Section, card: Card) -> None:
    page = html([section], card, PARAMETERS, date=DATE)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for part in (
        "Verdict: forged",
        "score 0.800",
        "threshold 0.500",
        "white line: the mask is above 0.50",
        "Mask 4 , the coarsest".replace(" ,", ","),
        "Copied parts : speaks for a manipulation".replace(" :", ":"),
        "About one in 2,500 untouched pictures shows as much.",
        "How to read it: Repeated patterns",
        "Source: Somebody, 2020",
        "The noise is even.",
        "The file names no camera.",
        "grey converted to RGB",
        "5a" * 32,
        "c" * 64,
        "2026-05-17 14:30 UTC",
        "backend openvino, float32",
        "19 % of 180 (14 to 25 %)",
        "“Nothing found” means that the network saw no trace",
        "Weak &amp; small.",
    ):
        assert part in text
    assert page.count("<img") == 11  # two with a scale, four masks with one, two findings with one
    assert "All pictures" not in page


def test_it_needs_nothing_beside_it(section: Section, card: Card) -> None:
    page = html([section], card, PARAMETERS, date=DATE)
    assert set(re.findall(r'src="([a-z]+:)', page)) == {"data:"}
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert "<script" not in page


def test_names_of_files_are_no_markup(section: Section, card: Card) -> None:
    name = '"><script>alert(1)</script>.jpg'
    page = html([replace(section, result=result_of(0.8, name=name))], card, {name: name}, [name], DATE)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 4
    assert "twice &lt;b&gt;." in html([section], card, PARAMETERS)


@pytest.mark.usefixtures("paper")
def test_two_runs_differ_in_the_date_alone(pixels: np.ndarray, card: Card) -> None:
    def made(seconds: float, later: timedelta = timedelta()) -> str:
        result = replace(result_of(0.8, (COPY_MOVE,)), seconds=seconds)
        return html([section_of(result, pixels, png(pixels), card)], card, PARAMETERS, date=DATE + later)

    assert made(1) == made(2)
    assert pdf(made(1)) == pdf(made(2))
    later = made(1, timedelta(days=1))
    differ = [(a, b) for a, b in zip(made(1).splitlines(), later.splitlines(), strict=True) if a != b]
    assert differ
    assert all("2026-05-17" in a and a.replace("05-17", "05-18") == b for a, b in differ)


def test_several_pictures_begin_with_a_table(section: Section, pixels: np.ndarray, card: Card) -> None:
    other = section_of(result_of(0.1, name="other.png"), pixels, png(pixels), card)
    page = html([section, other], card, PARAMETERS, ["cut.jpg: truncated or damaged; copy it again."], DATE)
    rows = re.findall(r"<tr><td>(\d)</td>.*?</tr>", page)
    assert rows == ["1", "2"]
    assert '<a href="#picture-2">other.png</a>' in page
    assert "<td>Copied parts</td>" in page
    assert "<td>not looked for</td>" in page
    assert "cut.jpg: truncated or damaged" in page
    assert page.count("<h2>What this can and cannot tell</h2>") == 1


def test_without_figures_it_says_so(pixels: np.ndarray) -> None:
    card = Card(name="new")
    page = html([section_of(result_of(0.1), pixels, png(pixels), card)], card, {}, date=DATE)
    assert "Nobody has measured how often the verdict of these weights is right." in page
    assert "nothing found, so no region is outlined" in page
    assert "% of 180" not in page


def test_a_picture_that_was_not_localized(pixels: np.ndarray, card: Card) -> None:
    result = replace(result_of(0.1), masks={}, localized=False, exit_scale=4)
    page = html([section_of(result, pixels, png(pixels), card)], card, {}, date=DATE)
    assert "From coarse to fine" not in page


@pytest.mark.usefixtures("paper")
def test_the_paper_is_a_pdf(section: Section, card: Card) -> None:
    made = pdf(html([section], card, PARAMETERS, date=DATE))
    assert made.startswith(b"%PDF-")
    assert b"psccnet" in made
    assert made.count(b"/Subtype /Image") >= 8


def test_drawings_are_reduced(card: Card) -> None:
    large = np.random.default_rng(0).integers(0, 255, (40, 3000, 3), np.uint8)
    result = replace(result_of(0.8), width=3000, height=40, mask=np.zeros((40, 3000), np.float32))
    section = section_of(result, large, png(large), card, longest=500)
    import base64

    with Image.open(io.BytesIO(base64.b64decode(section.overlay.partition(",")[2]))) as shown:
        assert shown.size == (500, 7)


@pytest.mark.parametrize(
    ("missing", "words"), [("jinja2", "a report needs Jinja2"), ("weasyprint", "a PDF needs WeasyPrint")]
)
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, missing: str, words: str) -> None:
    monkeypatch.setattr(document, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(InputError, match=rf"{words}: pip install 'psccnet\[report\]'"):
        document.require(paper=True)
