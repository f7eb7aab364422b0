"""The finding of double compression; the map itself is tested with the comparator "dq"."""

import io

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from psccnet.evidence.double_compression import double_compression, trace
from psccnet.metrics import auc

HOST = skimage.data.astronaut()[:320, :384]
OTHER = skimage.data.rocket()[60:380, 100:484]
REGION = np.zeros(HOST.shape[:2], bool)
REGION[96:208, 128:264] = True


def compressed(picture: np.ndarray, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return file.getvalue()


@pytest.fixture(scope="module")
def twice() -> bytes:
    """A JPEG of quality 60 that was saved again at 90, with a part that was no JPEG before."""
    host = np.asarray(Image.open(io.BytesIO(compressed(HOST, 60))))
    return compressed(np.where(REGION[..., None], OTHER, host), 90)


def test_the_part_that_was_compressed_once_is_bright(twice: bytes) -> None:
    finding = double_compression(twice)

    assert finding is not None
    assert auc(finding.map, REGION[::8, ::8]) > 0.85


def test_the_part_that_was_compressed_once_speaks_for_a_manipulation(twice: bytes) -> None:
    finding = double_compression(twice)

    assert finding is not None
    assert (finding.name, finding.significant) == ("double-compression", True)
    assert finding.false_alarms < 0.005
    assert "% of it) was compressed once, the rest twice" in finding.sentence
    outlined = np.zeros(REGION.shape, np.uint8)
    cv2.fillPoly(outlined, [np.array(region.outline) for region in finding.regions], 1)
    both = np.count_nonzero(outlined.astype(bool) & REGION)
    assert both / REGION.sum() > 0.6
    assert both / outlined.sum() > 0.8


def test_an_untouched_picture_that_was_saved_twice_does_not_alarm() -> None:
    finding = double_compression(compressed(np.asarray(Image.open(io.BytesIO(compressed(HOST, 60)))), 90))

    assert finding is not None
    assert "was compressed before" in finding.sentence
    assert not finding.significant
    assert finding.false_alarms > 0.05
    assert finding.regions == ()


def test_what_is_cut_off_does_not_alarm() -> None:
    """Blown highlights lack the peaks of the first compression, as what was pasted does."""
    bright = np.where(REGION[..., None], np.clip(HOST.astype(int) * 2 + 120, 0, 255), HOST).astype(np.uint8)
    once = np.asarray(Image.open(io.BytesIO(compressed(bright, 60))))

    finding = double_compression(compressed(once, 90))

    assert finding is not None
    assert not finding.significant


def test_larger_pictures_have_more_windows_that_may_look_so_by_chance() -> None:
    assert trace.false_alarms(0.0, 100) == 1.0
    assert trace.false_alarms(20.0, 100) == trace.false_alarms(20.0, trace.SQUARES) < 0.0125
    assert trace.false_alarms(20.0, 2 * trace.SQUARES) == pytest.approx(2 * trace.false_alarms(20.0, trace.SQUARES))


def test_a_turned_picture_has_its_map_upright(twice: bytes) -> None:
    plain, turned = double_compression(twice), double_compression(twice, orientation=6)

    assert plain is not None
    assert turned is not None
    np.testing.assert_array_equal(turned.map, np.rot90(plain.map, -1))


def test_what_was_compressed_once_shows_nothing() -> None:
    finding = double_compression(compressed(HOST, 90))

    assert finding is not None
    assert finding.map is None
    assert finding.sentence.startswith("No sign")


def test_a_first_compression_that_few_squares_have_is_no_claim(monkeypatch: pytest.MonkeyPatch, twice: bytes) -> None:
    monkeypatch.setattr(trace, "probability", lambda frequencies: np.full((40, 48), 0.9, np.float32))
    monkeypatch.setattr(trace, "LEAST_SUPPORT", 99.0)

    finding = double_compression(twice)

    assert finding is not None
    assert finding.map is not None
    assert finding.sentence.startswith("Few squares")


def test_other_files_have_no_finding() -> None:
    file = io.BytesIO()
    Image.fromarray(HOST).save(file, "PNG")

    assert double_compression(None) is None
    assert double_compression(file.getvalue()) is None
    assert double_compression(compressed(HOST[:6, :6], 90)) is None


def test_pillows_own_limit_of_pixels_does_not_end_the_look(twice: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = double_compression(twice)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # the picture has 122,880: Pillow alone raises above 2,000

    finding = double_compression(twice)

    assert expected is not None
    assert finding is not None
    np.testing.assert_array_equal(finding.map, expected.map)
