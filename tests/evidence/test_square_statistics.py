import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from psccnet.errors import MissingFileError, WeightsError
from psccnet.evidence import VERSION, version
from psccnet.evidence.square_statistics import features, square_statistics, trace
from psccnet.evidence.square_statistics.card import GRAPH, VARIABLE, SquareCard, in_use, read_square_card
from psccnet.evidence.square_statistics.features import COUNT, FREQUENCIES, MEASURES, as_stored, measure
from psccnet.evidence.square_statistics.trace import judged, strength
from psccnet.pictures.masks import turned

ASTRONAUT = skimage.data.astronaut()[:384, :448]


def jpeg(pixels: np.ndarray, quality: int, subsampling: int = 2) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    return stream.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def card(measures: tuple[str, ...]) -> str:
    """Of a network that is not calibrated."""
    return SquareCard(trained_on="mine", pictures=3, steps=5, measures=measures).model_dump_json()


@pytest.fixture(scope="module")
def spliced() -> tuple[np.ndarray, bytes, np.ndarray]:
    """A photograph that was saved before, with a part of another one that was not; and where that part is."""
    host = decoded(jpeg(ASTRONAUT, 70)).copy()
    forged = np.zeros(host.shape[:2], bool)
    forged[99:259, 141:301] = True
    host[forged] = skimage.data.coffee()[100:260, 200:360].reshape(-1, 3)
    data = jpeg(host, 93, 0)
    return decoded(data), data, forged


def test_the_first_coefficients_of_the_zigzag() -> None:
    assert FREQUENCIES[:6] == ((0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2))
    assert {sum(at) for at in FREQUENCIES} == set(range(7))
    assert len(set(FREQUENCIES)) == 28


def test_coefficients_are_those_of_the_file() -> None:
    data = jpeg(ASTRONAUT, 80)
    found = measure(decoded(data), data)
    table = np.array(Image.open(io.BytesIO(data)).quantization[0]).reshape(8, 8)
    assert found.jpeg
    assert found.steps.tolist() == [table[at] for at in FREQUENCIES]
    grey = np.asarray(Image.open(io.BytesIO(data)).convert("L"), np.float64) - 128
    mean = grey[40:48, 80:88].sum() / 8 / table[0, 0]
    assert found.coefficients[0, 5, 10] == np.clip(round(mean), -60, 60)


def test_without_a_file_steps_are_one() -> None:
    found = measure(ASTRONAUT)
    assert not found.jpeg
    assert set(found.steps) == {1}
    assert not found.measures[MEASURES.index("twice")].any()
    assert found.measures.shape == (COUNT, 48, 56)


def test_a_file_of_another_picture_does_not_count() -> None:
    assert not measure(ASTRONAUT, jpeg(ASTRONAUT[:200], 90)).jpeg


def test_pieces_measure_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg(ASTRONAUT[:379, :443], 85)
    whole = measure(decoded(data), data)
    monkeypatch.setattr(features, "_PIECE", (64, 96))
    pieces = measure(decoded(data), data)
    np.testing.assert_array_equal(pieces.coefficients, whole.coefficients)
    np.testing.assert_allclose(pieces.measures, whole.measures, atol=2e-4)


def test_peaks_are_those_of_two_compressions() -> None:
    once, twice = jpeg(ASTRONAUT, 92), jpeg(decoded(jpeg(ASTRONAUT, 60)), 92)
    heights = [np.abs(measure(decoded(data), data).peaks[1:10]).max(axis=1).mean() for data in (once, twice)]
    assert heights[1] > heights[0] + 0.5


def test_the_lattice_of_a_camera_shows_where_green_was_interpolated() -> None:
    """Green on every second pixel, as on a chessboard; the left part was resized, and has lost it."""
    random = np.random.default_rng(0)
    green = cv2.GaussianBlur(random.uniform(0, 255, (64, 128)).astype(np.float32), (0, 0), 0.8)
    around = (np.roll(green, 1, 0) + np.roll(green, -1, 0) + np.roll(green, 1, 1) + np.roll(green, -1, 1)) / 4
    chessboard = np.indices(green.shape).sum(0) % 2 == 1
    green = np.where(chessboard, around, green)
    green[:, :64] = cv2.resize(green[:, :96], (64, 64), interpolation=cv2.INTER_AREA)
    found = measure(np.rint(green)[..., None].repeat(3, axis=2).astype(np.uint8)).measures[MEASURES.index("lattice")]
    assert np.abs(found[:, :8]).max() < 0.5
    assert found[:, 8:].min() > 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_is_measured_lies_as_in_the_file(orientation: int) -> None:
    values = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(as_stored(turned(values, orientation), orientation), values)


def test_the_pasted_part_is_bright_and_outlined(spliced: tuple[np.ndarray, bytes, np.ndarray]) -> None:
    pixels, data, forged = spliced
    finding = square_statistics(pixels, data)
    assert finding is not None
    assert finding.map is not None
    squares = forged[: 8 * 48, : 8 * 56].reshape(48, 8, 56, 8).mean((1, 3))
    assert finding.map[squares == 1].mean() > finding.map[squares == 0].mean() + 0.4
    assert finding.significant
    assert "differs from the rest" in finding.sentence
    assert finding.regions
    for region in finding.regions:
        assert all(0 <= x < 448 and 0 <= y < 384 for x, y in region.outline)


def test_a_photograph_that_was_saved_twice_does_not_speak() -> None:
    data = jpeg(decoded(jpeg(ASTRONAUT, 75)), 92)
    finding = square_statistics(decoded(data), data)
    assert finding is not None
    assert not finding.significant
    assert not finding.regions


def test_turned_by_exif(spliced: tuple[np.ndarray, bytes, np.ndarray]) -> None:
    pixels, data, _ = spliced
    plain = square_statistics(pixels, data)
    upright = np.stack([turned(pixels[..., plane], 6) for plane in range(3)], axis=2)
    found = square_statistics(upright, data, orientation=6)
    assert plain is not None
    assert found is not None
    np.testing.assert_allclose(found.map, turned(plain.map, 6), atol=1e-6)


def test_tiles_differ_little_from_the_whole(
    spliced: tuple[np.ndarray, bytes, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, data, _ = spliced
    measured = measure(pixels, data)
    whole = judged(measured)
    monkeypatch.setattr(trace, "LARGEST_TILE", 40)
    tiles = judged(measured)
    assert tiles.shape == whole.shape
    # Each tile is compared with itself, so that values differ a little and places do not.
    assert np.corrcoef(tiles.ravel(), whole.ravel())[0, 1] > 0.8


def test_a_square_is_not_cut_off_at_the_border_of_tiles() -> None:
    spans = list(trace._tiles(700, 330))
    assert len(spans) == 6
    covered = np.zeros((700, 330), int)
    for down, across, inner_down, inner_across in spans:
        covered[inner_down, inner_across] += 1
        assert down.start <= inner_down.start < inner_down.stop <= down.stop
        assert down.stop - down.start <= 320 + 32
        assert across.start <= inner_across.start < inner_across.stop <= across.stop
    assert (covered == 1).all()


@pytest.mark.parametrize("size", [(63, 400), (400, 10)])
def test_small_pictures_are_left_alone(size: tuple[int, int]) -> None:
    assert square_statistics(np.zeros((*size, 3), np.uint8)) is None


def test_strength_is_that_of_the_strongest_squares() -> None:
    logits = np.full((50, 50), -3.0, np.float32)
    assert strength(logits) == pytest.approx(1 / (1 + np.exp(3)), rel=1e-5)
    logits[:6, :6] = 2.0
    assert strength(logits) == pytest.approx(1 / (1 + np.exp(-2)), rel=1e-5)


def test_the_shipped_network_has_a_card() -> None:
    card = read_square_card(GRAPH)
    assert GRAPH.stat().st_size < 1_000_000
    assert card.pixel_auc is not None
    assert card.pixel_auc > 0.8
    assert card.calibration is not None
    assert card.calibration.pictures["medium"] >= 400


def test_another_network_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (in_use(), version()) == (GRAPH, str(VERSION))
    own = tmp_path / "own.onnx"
    monkeypatch.setenv(VARIABLE, str(own))
    with pytest.raises(MissingFileError, match=r"own\.onnx: there is no such file; PSCCNET_SQUARES names what"):
        square_statistics(ASTRONAUT)
    own.write_bytes(GRAPH.read_bytes())
    with pytest.raises(MissingFileError, match=r"own\.json: there is no such file"):
        square_statistics(ASTRONAUT)
    own.with_suffix(".json").write_text(card(MEASURES))
    finding = square_statistics(ASTRONAUT)
    assert finding is not None
    assert (finding.false_alarms, finding.significant) == (None, False), "not calibrated, so that it only draws"
    assert version().startswith(f"{VERSION} with square statistics ")
    read_square_card.cache_clear()
    own.with_suffix(".json").write_text("{}")
    with pytest.raises(WeightsError, match=r"own\.json is no card"):
        square_statistics(ASTRONAUT)


def test_what_is_no_such_network_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "broken.onnx"
    own.with_suffix(".json").write_text(card(MEASURES))
    own.write_bytes(b"no network")
    monkeypatch.setenv(VARIABLE, str(own))
    with pytest.raises(WeightsError, match=r"broken\.onnx is no network: psccnet weights square-statistics writes one"):
        square_statistics(ASTRONAUT)


def test_a_network_of_other_measures_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "old.onnx"
    own.write_bytes(GRAPH.read_bytes())
    own.with_suffix(".json").write_text(card(MEASURES[:-1]))
    monkeypatch.setenv(VARIABLE, str(own))
    with pytest.raises(WeightsError, match=r"old\.onnx was trained on other measures .*: train it anew"):
        square_statistics(ASTRONAUT)
