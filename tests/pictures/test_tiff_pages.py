import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from psccnet.errors import PictureError
from psccnet.pictures.decoding import decode
from psccnet.pictures.picture_files import survey
from psccnet.pictures.tiff_pages import read_pages

from ..conftest import texture

LARGE, SMALL, OTHER = texture(1, 60, 80), texture(2, 15, 20), texture(3, 50, 40)
TAKEN = "the first page is a preview of 20 x 15; the picture of 80 x 60 is taken"


def pages(*written: tuple[Any, dict[str, Any]], **options: Any) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, **options) as file:
        for pixels, tags in written:
            file.write(pixels, contiguous=False, **({"photometric": "rgb"} | tags))
    return stream.getvalue()


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])  # Pillow reads no other
@pytest.mark.parametrize("kind", [1, 0])
def test_a_thumbnail_that_comes_first(kind: int, order: str, big: bool) -> None:
    data = pages((SMALL, {"subfiletype": kind}), (LARGE, {}), bigtiff=big, byteorder=order)
    decoded = decode(data)
    assert np.array_equal(decoded.pixels, LARGE)
    assert decoded.notes == (TAKEN,)


@pytest.mark.parametrize("big", [False, True])
def test_a_picture_below_its_thumbnail(big: bool) -> None:
    data = pages((SMALL, {"subfiletype": 1, "subifds": 1}), (LARGE, {}), bigtiff=big)
    assert np.array_equal(decode(data).pixels, LARGE)


def test_the_first_of_pages_that_are_no_copies() -> None:
    decoded = decode(pages((LARGE, {}), (OTHER, {}), (LARGE, {})))
    assert np.array_equal(decoded.pixels, LARGE)
    assert decoded.notes == ("first of 3 frames",)
    pyramid = decode(pages((LARGE, {}), (SMALL, {"subfiletype": 1})))
    assert np.array_equal(pyramid.pixels, LARGE)


def test_what_holds_no_picture_is_refused() -> None:
    with pytest.raises(PictureError, match=r"scan\.tif: holds only a preview"):
        decode(pages((SMALL, {"subfiletype": 1})), name="scan.tif")
    for photometric, sensor in ((32803, LARGE[..., 0].astype(np.uint16)), (34892, LARGE)):
        extra = [(33421, 3, 2, (2, 2)), (33422, 1, 4, b"\0\1\1\2")]
        data = pages((SMALL, {"subfiletype": 1}), (sensor, {"photometric": photometric, "extratags": extra}))
        with pytest.raises(PictureError, match=r"IMG\.DNG: a camera's raw file; develop raw files to TIFF or JPEG"):
            decode(data, name="IMG.DNG")


@pytest.mark.parametrize(
    "start", [b"II*\0\x10\0\0\0CR\2\0", b"IIRO\x08\0\0\0", b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx "]
)
def test_raw_files_of_other_forms(start: bytes) -> None:
    with pytest.raises(PictureError, match="a camera's raw file"):
        decode(start + bytes(100))


def test_directories_that_lead_in_circles_or_nowhere() -> None:
    data = pages((LARGE, {}))
    for offset in (0, 0xFFFFFF00, len(data) - 1):
        broken = data[:4] + offset.to_bytes(4, "little") + data[8:]
        with pytest.raises(PictureError):
            decode(broken)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        after = page.offset + 2 + 12 * len(page.tags)
    circle = data[:after] + page.offset.to_bytes(4, "little") + data[after + 4 :]
    assert len(read_pages(io.BytesIO(circle))) == 1
    assert np.array_equal(decode(circle).pixels, LARGE)


def test_raw_files_with_a_developed_picture_are_taken_from_folders(tmp_path: Path) -> None:
    (tmp_path / "a.dng").write_bytes(pages((SMALL, {"subfiletype": 1, "subifds": 1}), (LARGE, {})))
    extra = [(33421, 3, 2, (2, 2)), (33422, 1, 4, b"\0\1\1\2")]
    sensor = (LARGE[..., 0].astype(np.uint16), {"photometric": 32803, "extratags": extra})
    (tmp_path / "b.dng").write_bytes(pages((SMALL, {"subfiletype": 1}), sensor))
    (tmp_path / "c.nef").write_bytes(b"II*\0 cut off")
    found = survey(tmp_path, by_content=True)
    assert [path.name for path in found.pictures] == ["a.dng"]
    assert found.others == {".dng": 1, ".nef": 1}
