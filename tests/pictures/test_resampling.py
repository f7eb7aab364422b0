import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from psccnet.pictures.resampling import resample

sides = st.one_of(st.just(1), st.integers(1, 70))


@settings(max_examples=150, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 1000))
def test_it_is_torchs_bilinear_resampling_with_aligned_corners(h: int, w: int, height: int, width: int, seed: int):
    x = np.random.default_rng(seed).random((h, w), np.float32)
    kept = x.copy()
    found = resample(x, height, width)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(x)[None, None], size=(height, width), mode="bilinear", align_corners=True
    )
    assert found.shape == (height, width)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[0, 0].numpy(), rtol=0, atol=1e-5)
    assert x.min() <= found.min()
    assert found.max() <= x.max()
    assert np.array_equal(x, kept)


def test_the_same_size_is_the_same_map() -> None:
    x = np.random.default_rng(0).random((13, 8), np.float32)
    assert np.array_equal(resample(x, 13, 8), x)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_flat_maps_stay_flat(value: float) -> None:
    assert (resample(np.full((16, 16), value, np.float32), 37, 301) == value).all()
