import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from psccnet.evaluation.distortions import DISTORTIONS, gaussian_noise, jpeg, resize

PICTURE = data.astronaut()[:128, :160]


@pytest.mark.parametrize("name", DISTORTIONS)
def test_the_same_picture_is_always_distorted_alike(name: str) -> None:
    before = PICTURE.copy()
    one, again = (DISTORTIONS[name](PICTURE, "a.png") for _ in range(2))
    assert one.dtype == np.uint8
    assert one.ndim == 3
    assert (one == again).all()
    assert (before == PICTURE).all()
    assert one.shape != PICTURE.shape or (one != PICTURE).any()


def test_random_distortions_depend_on_the_name() -> None:
    for name in ("noise-3", "noise-15"):
        assert (DISTORTIONS[name](PICTURE, "a.png") != DISTORTIONS[name](PICTURE, "b.png")).any()
    sizes = {DISTORTIONS["mixed"](PICTURE, f"{i}.png").shape[:2] for i in range(20)}
    assert len(sizes) > 10
    assert all(0.25 * 160 - 1 <= width <= 0.78 * 160 + 1 for _, width in sizes)


def test_strengths() -> None:
    assert resize(PICTURE, 0.25).shape == (32, 40, 3)
    assert resize(PICTURE[:1, :1], 0.25).shape == (1, 1, 3)
    flat = np.full((200, 200, 3), 128, np.uint8)
    assert gaussian_noise(flat, 15, np.random.default_rng(0)).std() == pytest.approx(15, rel=0.02)
    ratios = [peak_signal_noise_ratio(PICTURE, jpeg(PICTURE, quality)) for quality in (50, 100)]
    assert ratios[0] < 36 < ratios[1]
    blurs = [peak_signal_noise_ratio(PICTURE, DISTORTIONS[name](PICTURE, "")) for name in ("blur-3", "blur-15")]
    assert blurs[0] > blurs[1] + 3
