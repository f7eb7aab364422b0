"""`make demo`: the page and the report of its four pictures."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from psccnet.demo import Example, make_examples, write_page
from psccnet.inference import Detector


def smaller(example: Example) -> Example:
    """A quarter of each side: the page has the same parts, and the traces less to look at."""
    stream = io.BytesIO()
    with Image.open(io.BytesIO(example.data)) as picture:
        picture.resize((picture.width // 4, picture.height // 4)).save(stream, "JPEG")
    return replace(example, data=stream.getvalue(), truth=example.truth[::4, ::4])


@pytest.mark.slow
def test_the_page_and_the_report(detector: Detector, tmp_path: Path) -> None:
    page = write_page(detector, tmp_path / "demo", [smaller(example) for example in make_examples()])
    text, report = page.read_text(), (tmp_path / "demo" / "report.html").read_text()
    before = text[: text.index("<figure>")]
    for sentence in ("“Forged” means", "mean “authentic”", "Colours go from violet"):
        assert sentence in before
    assert '<a href="report.html">' in text
    for name in ("splicing", "copy-move", "removal", "pristine"):
        assert '<td class="name"><a href="#picture-' in report
        assert f"{name}.jpg" in report
        assert (tmp_path / "demo" / f"{name}.jpg.overlay.png").is_file()
    assert text.count("<b>forged</b>") + text.count("<b>nothing found</b>") + text.count("<b>suspicious</b>") == 4
