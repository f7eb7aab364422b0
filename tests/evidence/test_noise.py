"""The noise trace, on pictures whose noise is known."""

import numpy as np
import pytest

from psccnet.evidence.noise import ALARMS, false_alarms, gathered, marks, measure, noise_level

PART = (slice(128, 384), slice(192, 576))


def grain(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth ramp of brightness with noise of three grey levels, the same in every colour."""
    ramp = np.linspace(60, 190, width)[None, :] + np.zeros((height, 1))
    noisy = ramp + 3 * np.random.default_rng(seed).standard_normal((height, width))
    return np.repeat(np.rint(noisy).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize(("factor", "kind"), [(0.25, "less noise"), (3.0, "more noise")])
def test_a_part_with_another_noise_is_outlined(factor, kind):
    picture = grain(512, 768).astype(np.float32)
    ramp = np.linspace(60, 190, 768)[None, :, None]
    picture[PART] = (ramp + factor * (picture - ramp))[PART]

    finding = noise_level(np.rint(picture).astype(np.uint8))

    assert finding is not None
    assert finding.false_alarms < 0.3
    assert not finding.significant
    (region,) = finding.regions
    assert region.label == kind
    (left, top), (right, bottom) = region.outline[0], region.outline[2]
    assert max(left, 192) < min(right, 576)
    assert max(top, 128) < min(bottom, 384)
    inside = np.zeros(finding.map.shape, bool)
    inside[16:48, 24:72] = True
    assert finding.map[inside].mean() > 1.2 * finding.map[~inside].mean()


def test_even_noise_shows_no_part():
    finding = noise_level(grain(384, 512))

    assert finding.false_alarms > 0.5
    assert not finding.regions


def test_small_and_clipped_pictures_have_no_finding():
    assert noise_level(grain(128, 128)) is None
    assert noise_level(np.full((512, 512, 3), 255, np.uint8)) is None


def test_marks_are_a_fifth_of_what_is_kept():
    squares = measure(grain(390, 515))  # cut squares at the edges are left out
    kept, less, more = marks(squares)

    assert kept.shape == (48, 64)
    assert kept.sum() == pytest.approx(0.3 * squares.usable.sum(), rel=0.05)
    assert less.sum() == more.sum() == pytest.approx(0.2 * kept.sum(), rel=0.05)
    assert not (less & ~kept).any()
    assert not (less & more).any()


def test_counting_in_windows_is_counting_squares():
    generator = np.random.default_rng(3)
    kept = generator.random((40, 52)) < 0.5
    less = kept & (generator.random(kept.shape) < 0.1)
    less[8:16, 12:20] = kept[8:16, 12:20]

    parts = gathered(kept, less, np.zeros_like(kept))

    strongest = min(parts, key=lambda part: part.log10_nfa)
    assert (strongest.rows, strongest.columns) == (slice(8, 16), slice(12, 20))
    assert not strongest.more


def test_strips_measure_what_the_whole_does():
    tall = grain(8 * 300, 64)
    squares = measure(tall)

    assert squares.noise.shape == (300, 8)
    np.testing.assert_array_equal(squares.noise[130:140], measure(tall[8 * 130 : 8 * 140]).noise)


def test_stronger_parts_have_fewer_false_alarms():
    rates = [false_alarms(-level) for level in np.linspace(0, 40, 81)]

    assert rates[0] == 1.0
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(ALARMS[-1][1])
