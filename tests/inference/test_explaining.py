import numpy as np
import pytest

from psccnet.inference.explaining import Explained, choose_points, draw

from ..conftest import texture


def test_two_points_that_stand_out_and_one_that_does_not() -> None:
    mask = np.full((30, 30), 0.2, np.float32)
    mask[5, 5], mask[5, 6], mask[25, 20], mask[29, 0] = 0.9, 0.8, 0.7, 0.0
    assert choose_points(mask, 300, 600) == [(55, 110), (205, 510), (5, 590)]


def test_points_lie_within_small_pictures() -> None:
    points = choose_points(np.zeros((64, 64), np.float32), 3, 2)
    assert len(points) == 3
    assert all(0 <= x < 3 and 0 <= y < 2 for x, y in points)


@pytest.mark.parametrize("scale", ["viridis", "jet"])
@pytest.mark.parametrize("y_c", [np.ones((8, 8), np.float32), None])
def test_the_drawing(scale: str, y_c: np.ndarray | None) -> None:
    rows = np.zeros((2, 4, 4), np.float32)
    rows[0, 0, 0], rows[1] = 1, 1 / 16
    explained = Explained(3, ((5, 5), (80, 50)), tuple(rows), np.ones((8, 8), np.float32), y_c)
    sheet = draw(explained, texture(1, 60, 90), scale)
    assert sheet.shape == (60 + 48, 5 * 98 - 8 if y_c is not None else 460, 3)
    first, second = (sheet[24:84, 98 * number : 98 * number + 90] for number in (1, 2))
    assert np.abs(first[40:, 60:].astype(int) - first[45, 70]).max() == 0  # where nothing responds
    assert not np.array_equal(first, second)
