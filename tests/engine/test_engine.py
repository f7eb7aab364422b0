"""The engine says what the plain network says, on every backend, in whatever tiles."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import golden
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from psccnet.engine.engine import Engine, cells, settled
from psccnet.engine.find import make_engine
from psccnet.engine.tiling import plan
from psccnet.network import Architecture, PSCCNet, initialise
from psccnet.network.architecture import Stem
from psccnet.weights import load_network
from psccnet.weights.released import LAYOUT, import_released

from ..conftest import TILE, engine_of, shared_engine, texture, trained

BACKENDS = ["openvino", "onnx", "torch"]
NETWORKS: dict[Stem, PSCCNet] = {"full": trained(), "unshuffled": trained("contrast", "unshuffled")}


@pytest.fixture(scope="module")
def network() -> PSCCNet:
    return NETWORKS["full"]


@pytest.fixture(scope="module", params=BACKENDS)
def engine(request: pytest.FixtureRequest, network: PSCCNet) -> Engine:
    return shared_engine(network, request.param)


@pytest.fixture(scope="module")
def unshuffled() -> PSCCNet:
    return NETWORKS["unshuffled"]


@pytest.fixture(scope="module", params=BACKENDS)
def quarter(request: pytest.FixtureRequest, unshuffled: PSCCNet) -> Engine:
    return shared_engine(unshuffled, request.param)


Plain = tuple[float, dict[int, NDArray[np.float32]]]
"""A score and the masks of the plain network."""


_PLAIN: dict[tuple[int, tuple[int, ...], bytes], tuple[PSCCNet, Plain]] = {}


def plain(network: PSCCNet, pixels: NDArray[np.uint8]) -> Plain:
    """What the plain network says, computed once for all backends; the networks here do not change."""
    key = id(network), pixels.shape, pixels.tobytes()
    if key not in _PLAIN:
        _PLAIN[key] = network, _plain(network, pixels)
    return _PLAIN[key][1]


def _plain(network: PSCCNet, pixels: NDArray[np.uint8]) -> Plain:
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].to(next(network.parameters()).dtype)
    with torch.inference_mode():
        prediction = network(picture / 255)
    masks = [torch.sigmoid(mask)[0, 0].numpy() for mask in prediction.mask_logits]
    return float(torch.softmax(prediction.detection_logits, 1)[0, 1]), dict(enumerate(masks, start=1))


def assert_same(engine: Engine, network: PSCCNet, pixels: NDArray[np.uint8], tolerance: float = 1e-4) -> None:
    output = engine(pixels)
    score, masks = plain(network, pixels)
    assert output.score == pytest.approx(score, abs=tolerance)
    assert list(output.masks) == [1, 2, 3, 4]
    for scale, mask in masks.items():
        assert output.masks[scale].dtype == np.float32
        np.testing.assert_allclose(output.masks[scale], mask, rtol=0, atol=tolerance)


# Whole, and cut along one axis.
@pytest.mark.slow
@pytest.mark.parametrize("size", [(33, 47), (64, 64), (1, 40), (40, 1), (1, 1), (7, 96), (90, 641)])
def test_the_engine_says_what_the_network_says(engine: Engine, network: PSCCNet, size: tuple[int, int]) -> None:
    assert_same(engine, network, texture(4, *size))


# Odd sides are mirrored to even ones; in tiles, two or more of 2 x 2 pixels.
@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 64), (1, 1), (2, 3), (33, 47), (1, 40), (91, 643)])
def test_the_engine_with_an_unshuffled_stem(quarter: Engine, unshuffled: PSCCNet, size: tuple[int, int]) -> None:
    assert_same(quarter, unshuffled, texture(4, *size))


# Cut along both axes, and into a row of many: the engine cuts, so that one backend is enough.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("stem", "size"), [("full", (225, 217)), ("unshuffled", (449, 433)), ("unshuffled", (1, 50_001))]
)
def test_pictures_of_many_tiles(stem: Stem, size: tuple[int, int]) -> None:
    assert_same(shared_engine(NETWORKS[stem]), NETWORKS[stem], texture(4, *size))


def test_parts_that_are_compiled_beforehand(network: PSCCNet) -> None:
    engine = engine_of(network, "openvino")
    engine.prepare()
    assert len(engine._compiled) == 7
    pixels = texture(3, 40, 50)
    assert engine(pixels).score == pytest.approx(shared_engine(network)(pixels).score, abs=1e-6)


def test_pixels_past_an_odd_edge_are_mirrored() -> None:
    picture = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
    found = cells(picture, slice(1, 2), slice(1, 3), 2)
    np.testing.assert_array_equal(found, picture[[2, 1]][:, [2, 3, 4, 3]])
    np.testing.assert_array_equal(cells(picture[:1], slice(0, 1), slice(0, 1), 2), picture[[0, 0]][:, [0, 1]])
    assert np.shares_memory(cells(picture, slice(0, 1), slice(0, 2), 2), picture)


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(st.integers(1, 260), st.integers(1, 260), st.sampled_from(["full", "unshuffled"]))
def test_any_size_in_tiles(height: int, width: int, stem: Stem) -> None:
    assert_same(shared_engine(NETWORKS[stem]), NETWORKS[stem], texture(height, height, width))


@pytest.mark.slow
def test_the_bundled_weights_in_tiles() -> None:
    network, _ = load_network("default")
    engine, _ = make_engine("default", "openvino", "cpu", "float32", TILE)
    assert_same(engine, network, texture(9, 225, 217))


def test_large_pictures_are_cut() -> None:
    rows, columns = plan(225, 217, TILE)
    assert len(rows) == len(columns) == 2


# The backends agree on the other networks here, which have every kind of layer.
@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {"variant": "released"},
        {"attention": "spatial", "shared_embedding": False},
        {"attention": "channel", "grid": 96},
        {"attention": "none", "stem": "unshuffled", "grid": 32},
    ],
    ids=str,
)
def test_every_architecture(arguments: dict[str, Any]) -> None:
    torch.manual_seed(5)
    network = PSCCNet(Architecture(**{"grid": 64, **arguments})).eval()
    initialise(network)
    with torch.no_grad():
        for scale in range(1, 5):
            getattr(network.bottom_up, f"scale{scale}").mask_block[2].weight.normal_(std=0.2)
    assert_same(engine_of(network), network, texture(7, 70, 90))


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> PSCCNet:
    folder = tmp_path_factory.mktemp("released")
    for part, shapes in golden.keys().items():
        path = folder / LAYOUT[part]
        path.parent.mkdir(parents=True)
        torch.save({key: torch.from_numpy(v) for key, v in golden.state_dict(part, shapes, seed=1).items()}, path)
    return import_released(folder)


GOLDEN = np.asarray(golden.image(11, 256, 256)).astype(np.uint8)
GOLDEN_ROUNDING = {1: 2e-4, 2: 3e-5, 3: 4e-5, 4: 1e-5}
"""How far the golden masks, computed in float32, are from those in float64."""


@pytest.fixture(scope="module")
def rounded(released: PSCCNet) -> dict[int, NDArray[np.float32]]:
    """The masks of the golden picture by the plain network in single precision."""
    torch.set_num_threads(1)
    return _plain(released, GOLDEN)[1]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["openvino", "onnx"])
def test_the_released_network_on_a_golden_picture(
    released: PSCCNet, rounded: dict[int, NDArray[np.float32]], backend: str
) -> None:
    """These weights magnify rounding, and processors round float32 differently: how much, torch's own float32 tells."""
    expected = dict(np.load(golden.HERE / "seed1_image11_256x256.npz"))
    tile = 256 * 224
    assert [len(spans) for spans in plan(256, 256, tile)] in ([1, 2], [2, 1])
    output = engine_of(released, backend, tile=tile)(GOLDEN)
    score = torch.softmax(torch.from_numpy(expected["logits"]), -1).flatten()[1]
    assert output.score == pytest.approx(float(score), abs=1e-3)
    for scale, mask in output.masks.items():
        rounding = max(float(np.abs(rounded[scale] - expected[f"mask{scale}"]).max()), GOLDEN_ROUNDING[scale])
        assert float(np.abs(mask - expected[f"mask{scale}"]).max()) < 1e-4 + 10 * rounding


@pytest.mark.parametrize("stem", NETWORKS)
def test_in_double_precision_nothing_differs(stem: Stem) -> None:
    exact = deepcopy(NETWORKS[stem]).double()
    engine = engine_of(NETWORKS[stem], "torch", "float64")
    score, masks = _plain(exact, texture(8, 51, 40))
    output = engine(texture(8, 51, 40))
    # Scores and masks are handed out in float32.
    assert output.score == pytest.approx(score, abs=1e-6)
    for scale, mask in masks.items():
        np.testing.assert_allclose(output.masks[scale], mask, rtol=0, atol=1e-6)


@pytest.mark.parametrize("exit_scale", [1, 2, 3, 4])
def test_coarser_exits_give_the_same_masks(engine: Engine, exit_scale: int) -> None:
    pixels = texture(5)
    whole, part = engine(pixels), engine(pixels, exit_scale)
    assert part.score == whole.score
    assert list(part.masks) == list(range(exit_scale, 5))
    for scale, mask in part.masks.items():
        np.testing.assert_array_equal(mask, whole.masks[scale])


def test_the_gate_skips_masks_below_the_threshold(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = texture(5)
    score = engine(pixels).score
    assert list(engine(pixels, gate_below=score).masks) == [1, 2, 3, 4]
    monkeypatch.setattr(engine, "observer", lambda part, *_: ran.append(part))
    ran: list[str] = []
    gated = engine(pixels, gate_below=score + 0.01)
    assert (gated.masks, gated.score) == ({}, score)
    assert set(ran) == {"stem", "stages", "detection"}


def test_a_score_by_a_mask_needs_no_finer_one(quarter: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(quarter, "observer", lambda part, *_: ran.append(part))
    assert quarter(texture(5), gate_below=1.0).masks == {}
    assert ran == ["stem", "stages", "scale4", "scale3", "scale2", "detection"]


def test_auto_stops_where_masks_have_settled(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = texture(5)
    for tolerance, left in ((0.0, [1, 2, 3, 4]), (2.0, [3, 4])):
        monkeypatch.setattr("psccnet.engine.engine.SETTLED", tolerance)
        assert list(engine(pixels, "auto").masks) == left


def test_settled_compares_with_the_mask_before() -> None:
    coarse, fine = np.full((4, 4), 0.3, np.float32), np.full((8, 8), 0.3, np.float32)
    assert not settled({4: coarse}, 4)
    assert settled({4: coarse, 3: fine}, 3)
    fine[:4] = 0.6
    assert not settled({4: coarse, 3: fine}, 3)


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_bf16_is_close(network: PSCCNet, backend: str) -> None:
    pixels = texture(6, 100, 120)
    score, masks = plain(network, pixels)
    rough = engine_of(network, backend, "bf16")(pixels)
    assert rough.score == pytest.approx(score, abs=0.05)
    for scale, mask in masks.items():
        assert rough.masks[scale].dtype == np.float32
        np.testing.assert_allclose(rough.masks[scale], mask, rtol=0, atol=0.05)


@pytest.mark.slow
def test_of_large_maps_only_the_last_size_is_kept(network: PSCCNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psccnet.engine.engine.FIXED_FROM", 1)
    engine = engine_of(network)
    first = engine(texture(1, 20, 20))
    for side in (21, 22):
        engine(texture(1, side, side))
        assert sum(len(key) > 1 for key in engine._compiled) == 1
    assert engine(texture(1, 20, 20)).score == first.score


@pytest.mark.slow
def test_threads_may_share_an_engine(engine: Engine) -> None:
    pictures = [texture(seed, 40 + seed, 50) for seed in range(6)]
    alone = [engine(pixels).score for pixels in pictures]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda pixels: engine(pixels).score, pictures)) == alone


def test_an_engine_travels_to_another_process(network: PSCCNet) -> None:
    engine = shared_engine(network)
    score = engine(texture(5)).score
    assert pickle.loads(pickle.dumps(engine))(texture(5)).score == score
