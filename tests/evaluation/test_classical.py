"""Colour-filter and double-quantisation maps on pictures whose answer is known."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from psccnet.evaluation.comparators import Question, find_comparator
from psccnet.evidence.colour_filter import cfa_map, colour_filter
from psccnet.evidence.double_compression.coefficients import first_step, peaks, quantised
from psccnet.evidence.double_compression.stored import luminance
from psccnet.metrics import auc

HOST = data.astronaut()[:320, :384]
OTHER = data.rocket()[60:380, 100:484]
REGION = np.zeros(HOST.shape[:2], bool)
REGION[96:208, 128:264] = True


def photographed(picture: np.ndarray, seed: int = 0) -> np.ndarray:
    """A picture as a camera takes it: noisy, one colour a pixel (RGGB), the rest interpolated bilinearly."""
    noisy = np.clip(picture + np.random.default_rng(seed).normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    mosaic = np.zeros(picture.shape[:2], np.uint8)
    for row, column, colour in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = noisy[row::2, column::2, colour]
    return cv2.cvtColor(mosaic, cv2.COLOR_BayerRGGB2RGB)


def compressed(picture: np.ndarray, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return file.getvalue()


def decoded(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)))


@pytest.mark.parametrize("moved", [(0, 0), (1, 0)], ids=["even", "odd"])
def test_a_part_without_the_filter_stands_out(moved: tuple[int, int]) -> None:
    host = photographed(np.roll(HOST, moved, (0, 1)))
    plain = np.clip(OTHER + np.random.default_rng(1).normal(0, 3, OTHER.shape), 0, 255).astype(np.uint8)
    mask = cfa_map(np.where(REGION[..., None], plain, host))
    assert mask.shape == REGION.shape
    assert auc(mask, REGION) > 0.9
    assert mask[REGION].mean() > 0.7
    assert mask[~REGION].mean() < 0.2


def test_a_picture_without_any_filter_says_nothing() -> None:
    plain = np.clip(OTHER + np.random.default_rng(1).normal(0, 3, OTHER.shape), 0, 255).astype(np.uint8)
    assert not cfa_map(plain).any()


def test_strips_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.where(REGION[..., None], OTHER, photographed(HOST))
    whole = cfa_map(picture)
    monkeypatch.setattr("psccnet.evidence.colour_filter._ROWS", 3)
    assert cfa_map(picture) == pytest.approx(whole, abs=1e-3)


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    """A JPEG of quality 60 that was saved again at 90, with a part that no JPEG was before."""
    forged = np.where(REGION[..., None], OTHER, decoded(compressed(HOST, 60)))
    path = tmp_path / "twice.jpg"
    path.write_bytes(compressed(forged, 90))
    return path


def asked(path: Path, orientation: int = 1) -> Question:
    image = decoded(path.read_bytes())
    return Question(np.rot90(image, -1).copy() if orientation == 6 else image, "a", orientation=orientation, file=path)


def test_a_part_that_was_compressed_once_stands_out(twice: Path) -> None:
    answer = find_comparator("dq").localize(asked(twice))
    assert auc(answer.mask, REGION) > 0.95
    assert answer.mask[REGION].mean() > 0.8
    assert answer.score == pytest.approx(answer.mask.mean())
    upright = find_comparator("dq").localize(asked(twice, orientation=6))
    assert (upright.mask == np.rot90(answer.mask, -1)).all()


def test_what_was_compressed_once_or_never_says_nothing(twice: Path, tmp_path: Path) -> None:
    once = tmp_path / "once.jpg"
    once.write_bytes(compressed(HOST, 90))
    assert not find_comparator("dq").localize(asked(once)).mask.any()
    Image.fromarray(HOST).save(tmp_path / "never.png")
    assert not find_comparator("dq").localize(asked(tmp_path / "never.png")).mask.any()
    distorted = Question(decoded(twice.read_bytes()), "a", condition="blur-3")
    assert not find_comparator("dq").localize(distorted).mask.any()


def test_coefficients_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(compressed(HOST, 75))
    found = luminance(path.read_bytes())
    assert found is not None
    grey, table = found
    assert table[0].tolist() == [8, 6, 5, 8, 12, 20, 26, 31]  # the standard table at quality 75, by rows
    # A quantised coefficient is a whole number of steps; rounding pixels moves it by far less than half of one.
    blocks = grey[: 8 * 10, : 8 * 10].astype(np.float64).reshape(10, 8, 10, 8).transpose(0, 2, 1, 3) - 128
    exact = np.array([[cv2.dct(block) for block in line] for line in blocks]) / table
    assert np.abs(exact[..., 0, 1] - quantised(grey, table)[0][:10, :10]).max() < 0.5
    assert np.median(np.abs(exact[..., 0, 1] - np.rint(exact[..., 0, 1]))) < 0.1


def test_peaks_are_those_of_two_quantisations() -> None:
    # Steps 3 then 2: of the multiples 0, 3, 6, 9, 12 .. those within half a step of 2 x, counted by hand: 3 and 9 lie
    # between two values and are shared, 6 and 12 fall on one.
    values = peaks(3, 2)[40:47]
    assert values == pytest.approx([1.5, 0.75, 0.75, 1.5, 0.75, 0.75, 1.5], abs=0.05)
    assert peaks(5, 5) == pytest.approx(1, abs=1e-3)
    assert peaks(7, 3).mean() == pytest.approx(1, abs=0.05)


def test_the_first_step_is_found() -> None:
    rng = np.random.default_rng(3)
    exact = rng.laplace(0, 25, 40_000)
    twice = np.rint(7 * np.rint(exact / 7) / 3)
    once = np.rint(exact / 3)

    def counts(values: np.ndarray) -> np.ndarray:
        return np.array([(values == value).sum() if value else 0 for value in range(-40, 41)], float)

    assert first_step(counts(twice), counts(once), 3) == 7
    assert first_step(counts(once), counts(np.rint(rng.laplace(0, 25, 40_000) / 3)), 3) is None


def test_the_finding_of_the_filter_says_where_it_is_missing() -> None:
    plain = np.clip(OTHER + np.random.default_rng(1).normal(0, 3, OTHER.shape), 0, 255).astype(np.uint8)
    finding = colour_filter(np.where(REGION[..., None], plain, photographed(HOST)))

    assert (finding.name, finding.significant, finding.false_alarms) == ("colour-filter", False, None)
    assert finding.map is not None
    assert auc(finding.map, REGION[::8, ::8]) > 0.9
    assert colour_filter(plain).map is None
