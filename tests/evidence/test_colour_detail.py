"""The trace of colours, on a picture that an editor saved with full colours."""

import io

import numpy as np
import pytest
import skimage.data
from PIL import Image

from psccnet.evidence import error_level
from psccnet.evidence.colour_detail import FARTHEST, colour_detail, colour_ratio, stores_full_colours

PASTED = (slice(64, 192), slice(128, 288))


def jpeg(pixels: np.ndarray, quality: int, subsampling: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return file.getvalue()


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.fixture(scope="module")
def edited() -> bytes:
    """A photograph with halved colours, a part of it as it was before, saved again with full colours."""
    photograph = skimage.data.coffee()
    picture = read(jpeg(photograph, 85, 2)).copy()
    picture[PASTED] = photograph[PASTED]
    return jpeg(picture, 93, 0)


def test_a_pasted_part_has_finer_colours(edited: bytes) -> None:
    finding = colour_detail(read(edited), edited)

    assert finding is not None
    assert (finding.name, finding.false_alarms, finding.significant) == ("colours", None, False)
    assert finding.map.shape == (400 // 8, 600 // 8)
    part = np.zeros(finding.map.shape, bool)
    part[8:24, 16:36] = True
    assert np.median(finding.map[part]) > 0.65 > 0.55 > np.median(finding.map[~part])
    assert finding.map.min() >= 0
    assert finding.map.max() <= 1


def test_only_jpegs_with_full_colours_are_looked_at(edited: bytes) -> None:
    pixels = read(edited)
    grey = io.BytesIO()
    Image.fromarray(pixels[..., 0]).save(grey, "JPEG")
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")

    assert stores_full_colours(edited)
    for data in (None, png.getvalue(), grey.getvalue(), jpeg(pixels, 90, 2), jpeg(pixels, 90, 1)):
        assert not stores_full_colours(data)
        assert colour_detail(pixels, data) is None
    small = pixels[:48, :48]
    assert colour_detail(small, jpeg(small, 90, 0)) is None


def test_strips_are_like_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = skimage.data.chelsea()
    whole = colour_ratio(pixels)
    monkeypatch.setattr(error_level, "_PIXELS_AT_ONCE", 64 * pixels.shape[1])

    strips = colour_ratio(pixels)

    assert strips.shape == whole.shape == (300 // 8, 451 // 8)
    assert np.abs(whole).max() <= FARTHEST
    np.testing.assert_allclose(strips, whole, atol=0.2)  # libjpeg smooths colours over the edge of a strip
    assert np.abs(strips - whole).mean() < 0.01


def test_pillows_own_limit_of_pixels_does_not_end_the_look(edited: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)

    assert stores_full_colours(edited)
