from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from psccnet.datasets.listing import read_listing
from psccnet.engine.backends.openvino import OpenVINOBackend
from psccnet.errors import InputError, WeightsError
from psccnet.evidence.square_statistics.features import COUNT, FREQUENCIES, MEASURES, measure
from psccnet.evidence.square_statistics.trace import compiled, judged
from psccnet.network.square_statistics import SquareStatistics
from psccnet.training.joined_squares import joined
from psccnet.training.square_statistics import (
    Example,
    _batch,
    as_graph,
    calibrated,
    check_enough,
    example,
    mirrored,
    pixel_auc,
    train,
)

from .conftest import texture


@pytest.fixture(scope="module")
def forgeries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three smooth pictures with a noisy part, and one without."""
    folder = tmp_path_factory.mktemp("forgeries")
    rows = ["set,image,mask,manipulation"]
    rng = np.random.default_rng(0)
    for i in range(4):
        pixels = np.asarray(Image.fromarray(texture(i, 40)).resize((240, 232), Image.Resampling.BICUBIC)).copy()
        mask = np.zeros(pixels.shape[:2], np.uint8)
        if i:
            mask[40 : 90 + 16 * i, 64 : 120 + 8 * i] = 255
            noise = rng.integers(-20, 20, pixels.shape)
            pixels = np.where(mask[..., None] > 0, np.clip(pixels + noise, 0, 255), pixels).astype(np.uint8)
            Image.fromarray(mask).save(folder / f"{i}-mask.png")
        Image.fromarray(pixels).save(folder / f"{i}.jpg", quality=95)
        rows.append(f"small,{i}.jpg,{f'{i}-mask.png' if i else ''},{'splicing' if i else 'pristine'}")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def known(forgeries: Path) -> list[Example]:
    return [example(entry) for entry in read_listing(forgeries)]


def test_a_square_knows_its_share_of_forged_pixels(known: list[Example]) -> None:
    assert known[0].forged.sum() == 0
    assert known[1].forged.shape == (29, 30)
    assert known[1].forged[5, 8] == 1
    assert known[1].forged[13, 9] == pytest.approx(2 / 8)


@pytest.mark.slow
def test_it_learns_and_its_graph_says_the_same(known: list[Example]) -> None:
    network, curve = train(known, 40)
    assert len(curve) == 40
    assert np.mean(curve[-5:]) < 0.5 * np.mean(curve[:5])
    graph = as_graph(network)
    assert pixel_auc(graph, known) > 0.9
    features = known[2].features
    with torch.inference_mode():
        values = (features.coefficients, features.on_peaks(), features.steps, np.float32(features.jpeg))
        inputs = [torch.from_numpy(np.asarray(one))[None] for one in values]
        expected = network(*inputs, torch.from_numpy(features.measures.astype(np.float32))[None])[0].numpy()
    given = type(features)(**{**vars(features), "measures": features.measures.astype(np.float32)})
    np.testing.assert_allclose(judged(given, compiled(graph)), np.clip(expected, -12, 12), atol=1e-3)
    assert OpenVINOBackend({"a": graph}, "float32").compile("a", {}).inputs == network.inputs


def test_the_same_seed_gives_the_same_network(known: list[Example]) -> None:
    one, other = (train(known, 3, seed=5)[0].state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_small_pictures_do_not_make_all_crops_small(known: list[Example]) -> None:
    """Of sets of two sizes; and both are drawn."""
    large = known[1]
    tiled = replace(
        large,
        features=replace(
            large.features,
            coefficients=np.tile(large.features.coefficients, (1, 2, 2)),
            measures=np.tile(large.features.measures, (1, 2, 2)),
        ),
        forged=np.tile(large.forged, (2, 2)),
    )
    sizes = [min(_batch([known[0]] * 100 + [tiled] * 100, np.random.default_rng(i))[-1].shape[1:]) for i in range(40)]
    assert min(sizes) <= 29 < 40 < max(sizes)


def test_joined_networks_answer_the_mean(known: list[Example]) -> None:
    """One of them sees fewer measures."""
    features = replace(known[2].features, measures=known[2].features.measures.astype(np.float32))
    fewer = replace(features, measures=features.measures[:-1])
    means = torch.from_numpy(features.measures.mean((1, 2)))
    networks = [SquareStatistics(means[:count], torch.ones(count), len(FREQUENCIES)) for count in (COUNT, COUNT - 1)]
    graphs = [as_graph(network) for network in networks]
    both = joined([(graphs[0], MEASURES), (graphs[1], MEASURES[:-1])])
    expected = (judged(features, compiled(graphs[0])) + judged(fewer, compiled(graphs[1]))) / 2
    np.testing.assert_allclose(judged(features, compiled(both)), expected, atol=1e-5)
    with pytest.raises(WeightsError, match="a network sees smell, which this version of psccnet does not measure"):
        joined([(graphs[0], MEASURES), (graphs[1], ("smell", *MEASURES[2:]))])
    with pytest.raises(WeightsError, match="a network to join is no ONNX file"):
        joined([(graphs[0], MEASURES), (b"nothing", MEASURES)])


@pytest.mark.parametrize("axis", [0, 1])
def test_mirrored_features_are_those_of_the_mirrored_picture(axis: int) -> None:
    pixels = texture(3, 96)
    # A coefficient of exactly half a step is rounded either way.
    found, expected = mirrored(measure(pixels), axis), measure(np.ascontiguousarray(np.flip(pixels, axis)))
    assert (found.coefficients != expected.coefficients).mean() < 0.01
    alike = [not name.startswith("error") for name in MEASURES]
    np.testing.assert_allclose(found.measures[alike], expected.measures[alike], atol=1e-4)
    assert len(FREQUENCIES) == len(found.coefficients)


def test_pictures_that_teach_nothing_are_refused(known: list[Example]) -> None:
    with pytest.raises(InputError, match=r"no forged square .* psccnet synthesize --size 384"):
        train(known[:1], 1)


@pytest.mark.slow
def test_a_calibration_needs_photographs(tmp_path: Path, known: list[Example]) -> None:
    graph = as_graph(train(known, 1)[0])
    paths = []
    for i in range(40):
        path = tmp_path / f"{i}.jpg"
        Image.fromarray(texture(i, 136)).save(path, quality=90)
        paths.append(path)
    for refused in (check_enough, lambda photographs: calibrated(graph, photographs)):
        with pytest.raises(InputError, match="39 photographs are too few"):
            refused(paths[1:])
    found = calibrated(graph, paths)
    # Whole as stored, whole as pixels, saved once more, and the same of a crop of 128.
    assert found.pictures == {"small": 40 * 5}
    assert found.scores["small"][0] is not None
