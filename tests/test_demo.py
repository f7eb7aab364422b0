"""`make demo`: the page and the report of its four pictures."""

from pathlib import Path

import pytest

from psccnet.demo import write_page
from psccnet.inference import Detector


@pytest.mark.slow
def test_the_page_and_the_report(detector: Detector, tmp_path: Path) -> None:
    page = write_page(detector, tmp_path / "demo")
    text, report = page.read_text(), (tmp_path / "demo" / "report.html").read_text()
    before = text[: text.index("<figure>")]
    for sentence in ("“Forged” means", "which is not “authentic”", "The colours run from violet"):
        assert sentence in before
    assert '<a href="report.html">' in text
    for name in ("splicing", "copy-move", "removal", "pristine"):
        assert '<td class="name"><a href="#picture-' in report
        assert f"{name}.jpg" in report
        assert (tmp_path / "demo" / f"{name}.jpg.overlay.png").is_file()
    assert text.count("<b>forged</b>") + text.count("<b>nothing found</b>") + text.count("<b>suspicious</b>") == 4
