import cv2
import numpy as np
import pytest
import skimage.data

from psccnet.evidence.copy_move import copy_move
from psccnet.evidence.copy_move.trace import MOST_PIXELS, find_copies, working_scale

ASTRONAUT = skimage.data.astronaut()
HOLE = (slice(60, 170), slice(180, 270))
"""The face."""


def saved(picture: np.ndarray, quality: int = 90) -> np.ndarray:
    """As it comes back from a JPEG."""
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy()


def pasted(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The astronaut with the face carried elsewhere, and the two places."""
    mask = np.zeros(ASTRONAUT.shape[:2], np.uint8)
    mask[HOLE] = 1
    size = ASTRONAUT.shape[1::-1]
    moved = cv2.warpAffine(ASTRONAUT, matrix, size, flags=cv2.INTER_CUBIC)
    there = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_NEAREST) > 0
    return saved(np.where(there[..., None], moved, ASTRONAUT)), there | (mask > 0)


def about(centre: tuple[float, float], degrees: float, size: float, to: tuple[float, float]) -> np.ndarray:
    """Turn and scale about a centre, then carry the centre elsewhere."""
    matrix = cv2.getRotationMatrix2D(centre, degrees, size)
    matrix[:, 2] += np.array(to) - centre
    return matrix


MIRROR = np.array([[-1.0, 0, 225 + 380], [0, 1, 250]])


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (about((225, 115), 0, 1, (380, 350)), ["pixels to the", "pixels"]),
        (about((225, 115), 30, 1, (380, 350)), ["turned by 30 degrees"]),
        (about((225, 115), 0, 0.8, (100, 400)), ["scaled to"]),
        (MIRROR, ["mirrored"]),
    ],
    ids=["moved", "turned", "scaled", "mirrored"],
)
def test_a_copy_is_found_with_its_place_and_transformation(matrix: np.ndarray, words: list[str]) -> None:
    picture, truth = pasted(matrix)
    finding = copy_move(picture)
    assert finding.significant
    assert finding.false_alarms is not None
    assert finding.false_alarms <= 0.018
    for word in words:
        assert word in finding.sentence
    assert finding.map is not None
    found = cv2.resize(finding.map, truth.shape[::-1]) > 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.6
    assert {region.label for region in finding.regions} == {"part", "its double"}


def test_the_offset_is_exact() -> None:
    picture = ASTRONAUT.copy()
    picture[300:410, 40:130] = picture[HOLE]
    copy = find_copies(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 1.0)[0]
    matrix = copy.transform.matrix
    offset = matrix[:, :2] @ (225, 115) + matrix[:, 2] - (225, 115)
    if offset[1] < 0:
        offset = -offset
    np.testing.assert_allclose(offset, (-140, 240), atol=0.2)
    np.testing.assert_allclose(matrix[:, :2], np.eye(2), atol=0.01)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_untouched_pictures_do_not_alarm(name: str) -> None:
    finding = copy_move(saved(getattr(skimage.data, name)()))
    assert not finding.significant
    assert not finding.regions


def grey(name: str) -> np.ndarray:
    """One of scikit-image's grey pictures, as RGB and after a JPEG."""
    return saved(np.repeat(getattr(skimage.data, name)()[..., None], 3, axis=2))


def test_bricks_do_not_alarm() -> None:
    assert not copy_move(grey("brick")).significant


def test_a_tiled_texture_does_not_alarm() -> None:
    tile = skimage.data.gravel()[100:164, 100:164]
    assert not copy_move(saved(np.repeat(np.tile(tile, (6, 6))[..., None], 3, axis=2))).significant


def test_a_texture_that_was_made_seamless_by_copying_is_found() -> None:
    finding = copy_move(grey("grass"))
    assert finding.significant
    assert "162 pixels" in finding.sentence


@pytest.mark.parametrize("shape", [(1, 1), (8, 300), (64, 64)])
def test_flat_and_tiny_pictures_do_not_alarm(shape: tuple[int, int]) -> None:
    finding = copy_move(np.full((*shape, 3), 127, np.uint8))
    assert not finding.significant
    assert finding.sentence == "No part of the picture was found a second time."


def test_work_is_bounded_for_large_pictures() -> None:
    height, width = 8000, 12_500
    scale = working_scale(height, width)
    assert scale**2 * height * width <= MOST_PIXELS + 1
