import numpy as np
import pytest

from psccnet.inference.region import region_level


def mask_of(rest: float, region: float) -> np.ndarray:
    mask = np.full((64, 64), rest, np.float32)
    mask[10:30, 10:30] = region
    return mask


@pytest.mark.parametrize(("rest", "region", "level"), [(0.05, 0.9, 0.475), (0.6, 0.9, 0.5), (0.02, 0.3, 0.16)])
def test_a_region_that_stands_out_is_marked(rest: float, region: float, level: float) -> None:
    mask = mask_of(rest, region)
    found = region_level(mask)
    assert found == pytest.approx(level)
    assert (mask > found)[10:30, 10:30].all()


@pytest.mark.parametrize(("rest", "region"), [(0.0, 0.0), (0.02, 0.05), (0.4, 0.45)])
def test_a_flat_mask_has_no_region(rest: float, region: float) -> None:
    assert region_level(mask_of(rest, region)) is None


def test_a_few_pixels_are_no_region() -> None:
    mask = np.zeros((64, 64), np.float32)
    mask[5, 5:8] = 1
    assert region_level(mask) is None
