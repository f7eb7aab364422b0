import math

import cv2
import numpy as np
import pytest
import skimage.data

from psccnet.evidence.binomial import log10_tail
from psccnet.evidence.jpeg_grid import jpeg_grid
from psccnet.evidence.jpeg_grid.trace import main_grid
from psccnet.evidence.jpeg_grid.votes import _zeros, vote

ASTRONAUT, COFFEE = skimage.data.astronaut(), skimage.data.coffee()


def saved(picture: np.ndarray, quality: int) -> np.ndarray:
    """As it comes back from a JPEG."""
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy()


def test_zeros_are_those_of_the_dct() -> None:
    grey = np.random.default_rng(0).normal(100, 3, (40, 48)).astype(np.float32)
    zeros = _zeros(grey)
    for row, column in ((0, 0), (13, 21), (32, 40)):
        coefficients = cv2.dct(grey[row : row + 8, column : column + 8])
        coefficients[0, 0] = 9
        assert zeros[row, column] == np.count_nonzero(np.abs(coefficients) <= 0.5)
    assert not zeros[33:].any()
    assert not zeros[:, 41:].any()


@pytest.mark.parametrize(("top", "left"), [(0, 0), (3, 5), (7, 0)])
def test_the_origin_of_the_grid_is_found(top: int, left: int) -> None:
    main, log10_nfa = main_grid(vote(saved(ASTRONAUT, 85)[top:, left:]))
    assert main == 8 * (-top % 8) + (-left % 8)
    assert log10_nfa < -20


def test_an_uncompressed_picture_has_no_grid() -> None:
    noisy = np.random.default_rng(0).normal(128, 20, (128, 128, 3)).clip(0, 255).astype(np.uint8)
    finding = jpeg_grid(noisy, is_jpeg=False)
    assert finding is not None
    assert "no trace of JPEG" in finding.sentence
    assert not finding.significant


def test_a_pasted_part_with_its_own_grid_is_found() -> None:
    forged = saved(ASTRONAUT, 92)
    forged[101:221, 203:333] = saved(COFFEE, 80)[100:220, 200:330]
    finding = jpeg_grid(forged, is_jpeg=False)
    assert finding is not None
    assert finding.significant
    assert finding.false_alarms is not None
    assert finding.false_alarms < 1
    assert finding.map is not None
    truth = np.zeros(forged.shape[:2], bool)
    truth[101:221, 203:333] = True
    found = cv2.resize(finding.map, (512, 512), interpolation=cv2.INTER_NEAREST) > 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.7
    left = min(x for region in finding.regions for x, _ in region.outline)
    assert abs(left - 203) <= 24


@pytest.mark.parametrize("quality", [60, 80, 95])
def test_untouched_pictures_do_not_alarm(quality: int) -> None:
    for picture in (ASTRONAUT, COFFEE, skimage.data.chelsea()):
        finding = jpeg_grid(saved(picture, quality), is_jpeg=True)
        assert finding is not None
        assert not finding.significant
        assert "where those of the file do" in finding.sentence


def test_a_picture_that_was_cropped_and_saved_again_does_not_alarm() -> None:
    for quality in (80, 90, 97):
        finding = jpeg_grid(saved(saved(ASTRONAUT, 70)[3:, 5:], quality), is_jpeg=True)
        assert finding is not None
        assert not finding.significant


def test_a_turned_photograph_has_the_grid_of_its_file() -> None:
    turned = np.rot90(saved(ASTRONAUT[:500, :300], 80), -1)  # EXIF 6: the file's rows are columns from the right
    finding = jpeg_grid(np.ascontiguousarray(turned), is_jpeg=True, orientation=6)
    assert finding is not None
    assert "where those of the file do" in finding.sentence


@pytest.mark.parametrize("shape", [(1, 1), (63, 200), (64, 64), (70, 131)])
def test_small_and_flat_pictures(shape: tuple[int, int]) -> None:
    finding = jpeg_grid(np.full((*shape, 3), 200, np.uint8), is_jpeg=True)
    assert finding is None or not finding.significant
    assert (finding is None) == (min(shape) < 64)


@pytest.mark.parametrize(
    ("trials", "successes", "chance"), [(10, 3, 0.2), (100, 1, 1 / 64), (20, 20, 0.5), (50, 2, 0.9)]
)
def test_the_binomial_tail(trials: int, successes: int, chance: float) -> None:
    exact = sum(math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(successes, trials + 1))
    assert log10_tail(trials, successes, chance) == pytest.approx(math.log10(exact), abs=1e-6)
