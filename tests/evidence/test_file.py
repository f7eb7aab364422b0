import io
from datetime import datetime

import numpy as np
import pytest
import skimage.data
from PIL import ExifTags, Image

from psccnet.evidence.file import file_trace
from psccnet.evidence.file.metadata import Metadata, contradictions
from psccnet.evidence.file.provenance import provenance

COFFEE = Image.fromarray(skimage.data.coffee())
ASTRONAUT = Image.fromarray(skimage.data.astronaut())


def jpeg(picture: Image.Image = COFFEE, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def exif(**texts: str) -> Image.Exif:
    made = Image.Exif()
    for name, text in texts.items():
        tag = ExifTags.Base[name]
        ifd = made.get_ifd(ExifTags.IFD.Exif) if name == "DateTimeOriginal" else made
        ifd[tag] = text
    return made


def said(data: bytes, picture: Image.Image = COFFEE, orientation: int = 1) -> str:
    finding = file_trace(data, np.asarray(picture), orientation)
    assert finding is not None
    assert (finding.name, finding.significant, finding.false_alarms) == ("file", False, None)
    return finding.sentence


@pytest.mark.parametrize(("options", "words"), [
    ({"quality": 83}, "A JPEG with standard tables at quality 83, colours 4:2:0."),
    ({"quality": 50, "subsampling": 0, "progressive": True}, "A progressive JPEG with standard tables at quality 50"),
    ({"quality": 20, "subsampling": 0}, "colours 4:4:4"),
    ({"qtables": [[3] * 64, [7] * 64]}, "tables of its own"),
    ({"comment": b"CREATOR: gd-jpeg v1.0"}, "An editor has written it: a web server (gd)."),
])  # fmt: skip
def test_how_a_jpeg_was_written(options: dict, words: str) -> None:
    assert words in said(jpeg(**options))


def test_programs_and_dates() -> None:
    text = said(
        jpeg(
            exif=exif(
                Software="Adobe Photoshop 26.1", DateTimeOriginal="2024:05:01 10:00:00", DateTime="2024:05:03 09:00:00"
            )
        )
    )
    assert "An editor has written it: Adobe Photoshop 26.1." in text
    assert "Taken on 2024-05-01 10:00 and written again on 2024-05-03 09:00." in text
    text = said(
        jpeg(exif=exif(Software="MyPhone 3", DateTimeOriginal="2024:05:01 10:00:00", DateTime="2023:05:03 09:00:00"))
    )
    assert "Written by MyPhone 3." in text
    assert "Its dates contradict each other: it was changed before it was taken." in text
    assert "It names no camera, date or program." in said(jpeg())


def test_a_date_in_the_future_is_a_contradiction() -> None:
    dated = Metadata(taken=datetime(2030, 1, 1))
    assert contradictions(dated, now=datetime(2029, 1, 1)) == ["one of its dates lies in the future"]
    assert contradictions(dated, now=datetime(2031, 1, 1)) == []


def test_damaged_dates_are_left_out() -> None:
    assert "dates" not in said(jpeg(exif=exif(DateTimeOriginal="0000:00:00 00:00:00", DateTime="yesterday")))


def test_the_history_in_xmp() -> None:
    xmp = b'<x:xmpmeta><rdf:li stEvt:action="saved" stEvt:softwareAgent="GIMP 3.0 (Linux)"/></x:xmpmeta>'
    assert "An editor has written it: GIMP 3.0 (Linux)." in said(jpeg(xmp=xmp))
    made = b"<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert "a generator made or changed the picture" in said(jpeg(xmp=made))


def with_preview(preview: Image.Image) -> bytes:
    """A JPEG of the coffee with a preview in its EXIF."""
    small = jpeg(preview)
    made = exif(Software="MyPhone 3")
    start = len(made.tobytes()) - 6 + 30  # behind the second directory of two entries
    header = made.tobytes()
    assert header[6:8] in (b"MM", b"II")
    order = "big" if header[6:8] == b"MM" else "little"
    entries = [(513, 4, 1, start), (514, 4, 1, len(small))]
    directory = len(entries).to_bytes(2, order)
    for tag, kind, count, value in entries:
        directory += (
            tag.to_bytes(2, order) + kind.to_bytes(2, order) + count.to_bytes(4, order) + value.to_bytes(4, order)
        )
    directory += bytes(4)
    # The pointer to the second directory stands behind the entries of the first.
    first = 6 + int.from_bytes(header[10:14], order)
    pointer = first + 2 + 12 * int.from_bytes(header[first : first + 2], order)
    block = header[:pointer] + (len(header) - 6).to_bytes(4, order) + header[pointer + 4 :] + directory + small
    return jpeg(exif=block)


def test_a_preview_of_the_picture_itself() -> None:
    assert "preview" not in said(with_preview(COFFEE.resize((160, 107))))


def test_a_preview_between_black_bars_is_the_same_picture() -> None:
    sheet = Image.new("RGB", (160, 120))
    sheet.paste(COFFEE.resize((160, 107)), (0, 6))
    assert "preview" not in said(with_preview(sheet))


def test_a_preview_of_another_picture_is_told() -> None:
    assert "The small preview in the file shows something else" in said(with_preview(ASTRONAUT.resize((160, 160))))


def test_bytes_after_the_picture() -> None:
    assert "follow the end" not in said(jpeg())
    assert "follow the end" not in said(jpeg() + bytes(500)), "padding"
    assert "1,200 bytes follow the end of the picture." in said(jpeg() + b"secret" * 200)


def test_content_credentials_are_seen() -> None:
    assert provenance(jpeg(), "image/jpeg") == "none"
    assert provenance(jpeg() + b"jumb....c2pa", "image/jpeg") in ("present", "broken")
    assert "Content Credentials" in said(jpeg() + b"jumb....c2pa")


def test_other_formats_and_no_picture() -> None:
    file = io.BytesIO()
    COFFEE.save(file, "PNG")
    assert said(file.getvalue()).startswith("A PNG file.")
    assert file_trace(b"nothing of the kind", np.asarray(COFFEE)) is None
