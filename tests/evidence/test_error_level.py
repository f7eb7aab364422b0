import cv2
import numpy as np
import pytest
import skimage.data

from psccnet.evidence import error_level
from psccnet.evidence.error_level import levels


def saved(picture: np.ndarray, quality: int) -> np.ndarray:
    """As it comes back from a JPEG."""
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy()


def test_a_part_that_was_compressed_so_before_is_dark() -> None:
    picture = skimage.data.grass()[..., None].repeat(3, axis=2)
    picture[128:256, 128:256] = saved(picture, 90)[128:256, 128:256]
    level = levels(picture)
    assert level[140:244, 140:244].mean() < 0.1 * level[:100].mean()


def test_it_tells_and_never_alarms() -> None:
    finding = error_level.error_level(skimage.data.coffee())
    assert (finding.name, finding.significant, finding.false_alarms) == ("ela", False, None)
    assert "proves nothing" in finding.sentence
    assert finding.map is not None
    assert finding.map.shape == (400, 600)
    assert 0 <= finding.map.min() < finding.map.max() == 1


def test_strips_are_like_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = skimage.data.chelsea()
    whole = levels(picture)
    monkeypatch.setattr(error_level, "_PIXELS_AT_ONCE", 64 * picture.shape[1])
    strips = levels(picture)
    assert strips.shape == whole.shape
    inside = np.arange(len(whole)) % 64
    inside = (inside >= 8) & (inside < 56)
    np.testing.assert_array_equal(strips[inside], whole[inside])


@pytest.mark.parametrize("shape", [(1, 1), (3, 70_000), (70_000, 3), (2100, 40)])
def test_any_shape_gives_a_bounded_map(shape: tuple[int, int]) -> None:
    finding = error_level.error_level(np.full((*shape, 3), 90, np.uint8))
    assert finding.map is not None
    assert max(finding.map.shape) <= 2048 + 1
    assert np.isfinite(finding.map).all()
