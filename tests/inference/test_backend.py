"""What the backend does to be fast changes nothing that it says."""

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from psccnet.inference.backends.pytorch import TorchBackend, find_device, stem_in_strips, strips
from psccnet.network import PSCCNet

from ..conftest import network_as_trained, texture


@pytest.fixture(scope="module")
def network() -> PSCCNet:
    return network_as_trained()


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def picture_of(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def plain(network: PSCCNet, pixels: np.ndarray) -> tuple[float, dict[int, np.ndarray]]:
    prediction = network(picture_of(pixels))
    masks = [torch.sigmoid(mask)[0, 0].numpy() for mask in prediction.mask_logits]
    return float(torch.softmax(prediction.detection_logits, 1)[0, 1]), dict(enumerate(masks, start=1))


@given(st.integers(1, 300), st.integers(0, 100))
def test_strips_cover_every_row_once(height: int, rows: int) -> None:
    found = list(strips(height, rows))
    assert [row for start, stop in found for row in range(start, stop)] == list(range(height))
    assert all(start % 2 == 0 for start, _ in found)
    assert all(stop - start <= max(2, rows) for start, stop in found)


@pytest.mark.parametrize("rows", [2, 8, 10])
def test_stem_in_strips_is_the_stem(network: PSCCNet, rows: int) -> None:
    width = 5
    picture = torch.rand(1, 3, 70, width)
    # Each strip of two rows takes as long as one of ten: there, a third of the heights is enough.
    for height in range(1, 71, 3 if rows == 2 else 1):
        whole = network.top_down.stem(picture[..., :height, :])
        pieces = stem_in_strips(network.top_down, picture[..., :height, :], rows * width)
        for piece, map_ in zip(pieces, whole, strict=True):
            torch.testing.assert_close(piece, map_, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 3, 9])
def test_odd_strips(network: PSCCNet, rows: int) -> None:
    for height in (1, 2, 13, 24, 37):
        picture = torch.rand(2, 3, height, 4)
        for piece, map_ in zip(
            stem_in_strips(network.top_down, picture, rows * 4), network.top_down.stem(picture), strict=True
        ):
            torch.testing.assert_close(piece, map_, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(33, 47), (64, 64), (1, 40), (40, 1), (1, 1), (7, 96)])
def test_the_backend_says_what_the_network_says(
    network: PSCCNet, height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stem_in_strips, "__defaults__", (10 * width,))
    pixels = texture(4, height, width)
    backend = TorchBackend(deepcopy(network), "cpu", "float32")
    output = backend(pixels)
    score, masks = plain(network, pixels)
    assert output.score == pytest.approx(score, abs=1e-4)
    assert set(output.masks) == {1, 2, 3, 4}
    for scale, mask in masks.items():
        assert output.masks[scale].dtype == np.float32
        assert output.masks[scale].shape == (64 >> (scale - 1), 64 >> (scale - 1))
        np.testing.assert_allclose(output.masks[scale], mask, rtol=0, atol=1e-4)


@pytest.fixture(scope="module")
def backend(network: PSCCNet) -> TorchBackend:
    return TorchBackend(deepcopy(network), "cpu", "float32")


@pytest.mark.parametrize("exit_scale", [1, 2, 3, 4])
def test_coarser_exits_give_the_same_masks(backend: TorchBackend, exit_scale: int) -> None:
    pixels = texture(5)
    whole, part = backend(pixels), backend(pixels, exit_scale)
    assert part.score == pytest.approx(whole.score, abs=1e-6)
    assert list(part.masks) == list(range(exit_scale, 5))
    for scale, mask in part.masks.items():
        np.testing.assert_allclose(mask, whole.masks[scale], rtol=0, atol=1e-6)


def test_the_gate_skips_masks_below_the_threshold(backend: TorchBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = texture(5)
    score = backend(pixels).score
    assert set(backend(pixels, gate_below=score).masks) == {1, 2, 3, 4}
    monkeypatch.setattr(backend.network.bottom_up, "forward", lambda *_: pytest.fail("masks were computed"))
    gated = backend(pixels, gate_below=score + 0.01)
    assert gated.masks == {}
    assert gated.score == pytest.approx(score, abs=1e-6)


def test_bf16_is_close(network: PSCCNet, backend: TorchBackend) -> None:
    pixels = texture(6)
    exact, rough = backend(pixels), TorchBackend(deepcopy(network), "cpu", "bf16")(pixels)
    assert rough.score == pytest.approx(exact.score, abs=0.05)
    for scale, mask in exact.masks.items():
        assert rough.masks[scale].dtype == np.float32
        np.testing.assert_allclose(rough.masks[scale], mask, rtol=0, atol=0.05)


def test_precisions(network: PSCCNet, monkeypatch: pytest.MonkeyPatch) -> None:
    for fast, chosen in ((True, "bf16"), (False, "float32")):
        monkeypatch.setattr("psccnet.inference.backends.pytorch.has_fast_bf16", lambda fast=fast: fast)
        assert TorchBackend(deepcopy(network)).precision == chosen
    with pytest.raises(ValueError, match="precision is auto, float32 or bf16, not 'int8'"):
        TorchBackend(deepcopy(network), precision="int8")


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_device("cpu") == torch.device("cpu")
    for name in ("gpu", "", "meta", "cpux"):
        with pytest.raises(ValueError, match="device is auto, cpu, cuda or mps"):
            find_device(name)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.mps.is_available", lambda: False)
    for name in ("cuda", "cuda:1", "mps"):
        with pytest.raises(ValueError, match=f"device {name}: torch finds none here; use auto or cpu"):
            find_device(name)
