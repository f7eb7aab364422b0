import io

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from psccnet.report.file_facts import LONGEST, file_facts


def saved(kind: str = "JPEG", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(stream, kind, **options)
    return stream.getvalue()


def test_a_photograph_says_where_it_comes_from() -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Maker\x00\x07", "Model 3", "x" * 500
    exif.get_ifd(0x8769)[0x9003] = "2025:01:02 03:04:05"
    exif.get_ifd(0x8825).update(
        {1: "N", 2: (IFDRational(48), IFDRational(30), IFDRational(36)), 3: "W", 4: (11.0, 15.0, 0.0)}
    )
    facts = dict(file_facts(saved(exif=exif, progressive=True)))
    assert facts["format"] == "JPEG (ISO 10918), progressive"
    assert facts["stored size"] == "30 x 20 pixels"
    assert (facts["camera's maker"], facts["camera"]) == ("Maker", "Model 3")
    assert facts["software"] == "x" * LONGEST + "…"
    assert facts["taken"] == "2025:01:02 03:04:05"
    assert facts["place"] == "48.51000° N, 11.25000° W"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP"])
def test_every_format_has_facts(kind: str) -> None:
    data = saved(kind)
    facts = dict(file_facts(data))
    assert facts["file size"] == f"{len(data):,} bytes"
    assert {"format", "stored size"} <= facts.keys()


@pytest.mark.parametrize("gps", [{2: (1, 2)}, {1: "Q", 2: (1, 2, 3), 3: "E", 4: (1, 2, 3)}, {1: "N", 2: 7}])
def test_a_place_that_makes_no_sense_is_left_out(gps: dict) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update(gps)
    assert "place" not in dict(file_facts(saved(exif=exif)))


def test_damage_leaves_facts_out() -> None:
    data = saved()
    for end in range(0, len(data), 7):
        assert dict(file_facts(data[:end]))["file size"] == f"{end:,} bytes"
