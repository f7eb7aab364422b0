from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from psccnet.network import PSCCNet
from psccnet.weights import WeightsError, initialise_from_imagenet


def imagenet_state(network: PSCCNet) -> dict[str, torch.Tensor]:
    """The shape of an HRNet-W18-small-v2: the trunk with more modules, and a classifier."""
    state = {key: torch.full_like(value, 2) for key, value in network.top_down.state_dict().items()}
    more = {key.replace("stage3.0.", "stage3.1."): value for key, value in state.items() if key.startswith("stage3.0.")}
    return {
        **state,
        **more,
        "classifier.weight": torch.zeros(1000, 2048),
        "classifier.bias": torch.zeros(1000),
    }


@pytest.mark.parametrize("form", ["plain", "module", "wrapped", "safetensors"])
def test_everything_that_fits_is_filled(network: PSCCNet, tmp_path: Path, form: str) -> None:
    state = imagenet_state(network)
    path = tmp_path / ("hrnet.safetensors" if form == "safetensors" else "hrnet.pth")
    if form == "safetensors":
        save_file({key: value.clone() for key, value in state.items()}, path)
    elif form == "module":
        torch.save({f"module.{key}": value for key, value in state.items()}, path)
    else:
        torch.save({"state_dict": state, "epoch": 3} if form == "wrapped" else state, path)
    head = {key: value.clone() for key, value in network.detection_head.state_dict().items()}
    report = initialise_from_imagenet(network, path)
    assert report.left == ()
    assert "classifier.bias" in report.unused
    assert any(key.startswith("stage3.1.") for key in report.unused)
    assert report.filled_values == report.values > 2_028_572
    for key, value in network.top_down.state_dict().items():
        assert bool((value == (0 if key.endswith("num_batches_tracked") else 2)).all()), key
    for key, value in network.detection_head.state_dict().items():
        assert torch.equal(value, head[key])


def test_partial_fill_is_reported(network: PSCCNet, tmp_path: Path) -> None:
    before = network.top_down.state_dict()["conv2.weight"].clone()
    torch.save(
        {"conv1.weight": torch.ones(64, 3, 3, 3), "conv2.weight": torch.ones(32, 64, 3, 3)},
        tmp_path / "p.pth",
    )
    report = initialise_from_imagenet(network, tmp_path / "p.pth")
    assert report.filled == ("conv1.weight",)
    assert report.unused == ("conv2.weight",)
    assert "conv2.weight" in report.left
    assert report.filled_values == 64 * 3 * 9
    assert torch.equal(network.top_down.conv2.weight, before)
    assert "filled from ImageNet: 1 of" in str(report)
    assert "unused from the file: 1 (conv2.weight)" in str(report)


def test_nothing_fits(network: PSCCNet, tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(8)}, tmp_path / "vgg.pth")
    with pytest.raises(WeightsError, match=r"vgg\.pth .*it holds features\.0\.weight.* HRNet-W18-small-v2"):
        initialise_from_imagenet(network, tmp_path / "vgg.pth")
    with pytest.raises(WeightsError, match="does not exist"):
        initialise_from_imagenet(network, tmp_path / "none.pth")
