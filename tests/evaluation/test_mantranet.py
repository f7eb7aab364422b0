import json
from copy import deepcopy
from pathlib import Path

import golden
import numpy as np
import pytest
import torch

from psccnet.errors import InputError, WeightsError
from psccnet.evaluation.comparators import Question, find_comparator
from psccnet.evaluation.comparators.mantranet import HALO, ManTraNet, _symmetric
from psccnet.weights.card import sha256

# The larger one is wider than windows and halo; in double precision it would take its time.
PICTURES = [(31, 64, 80, torch.float64, 1e-5), (32, 133, 200, torch.float32, 1e-3)]


def state() -> dict[str, torch.Tensor]:
    shapes = json.loads((golden.HERE / "mantranet_keys.json").read_text())
    filled = golden.state_dict("MantraNet", shapes, 1)
    bayar, sigma = "IMTFE.BayarConv2D.weight", "AnomalyDetector.sigma_F"
    filled[bayar] = np.abs(filled[bayar]) + np.float32(0.05)
    filled[sigma] = np.abs(filled[sigma])
    return {key: torch.from_numpy(values) for key, values in filled.items()}


@pytest.fixture(scope="module")
def network() -> ManTraNet:
    made = ManTraNet()
    made.load_state_dict(state())
    return made.double().eval()


def test_it_has_the_parameters_of_the_public_file() -> None:
    own = ManTraNet().state_dict()
    assert len(own) == 33
    assert sum(value.numel() for value in own.values()) == 3_805_625


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "height", "width", "dtype", "tolerance"), PICTURES)
def test_it_computes_what_the_public_port_computes(
    network: ManTraNet, seed: int, height: int, width: int, dtype: torch.dtype, tolerance: float
) -> None:
    network = deepcopy(network).to(dtype)
    expected = np.load(golden.HERE / f"mantranet_seed1_image{seed}_{height}x{width}.npz")
    picture = golden.image(seed, height, width)
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].to(dtype) / 255 * 2 - 1
    with torch.inference_mode():
        features = network.IMTFE(x).mean((0, 2, 3)).numpy()
    assert np.abs(features - expected["feature_mean"]).max() < tolerance
    assert np.abs(network.mask(picture) - expected["mask"]).max() < tolerance


@pytest.mark.slow
def test_tiles_give_the_mask_of_the_whole_picture(network: ManTraNet) -> None:
    picture = golden.image(32, 98, 56)
    assert HALO < 48  # so that the tiles, two each way, end inside of the picture
    assert np.abs(network.mask(picture, core=50) - network.mask(picture)).max() < 1e-12


def test_padding_mirrors_the_edge_as_well() -> None:
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    expected = np.pad(x.numpy(), [(0, 0), (0, 0), (5, 5), (5, 5)], "symmetric")
    assert (_symmetric(x, 5).numpy() == expected).all()


def test_the_weight_file_is_a_comparator(tmp_path: Path) -> None:
    path = tmp_path / "MantraNetv4.pt"
    torch.save(state(), path)
    comparator = find_comparator(f"mantranet={path}")
    assert (comparator.name, comparator.identity) == ("mantranet", sha256(path))
    picture = golden.image(31, 64, 80)
    answer = comparator.localize(Question(picture, "one"))
    expected = np.load(golden.HERE / "mantranet_seed1_image31_64x80.npz")["mask"]
    # In single precision.
    assert np.abs(answer.mask - expected).max() < 1e-3
    assert answer.score == pytest.approx(float(answer.mask.mean()))


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"does not fit the network .* give the file of the public PyTorch port"):
        find_comparator(f"mantranet={tmp_path}/other.pt")
    with pytest.raises(InputError, match="weights of trufor cannot be run here; mantranet=FILE can, and NAME=COMMAND"):
        find_comparator(f"trufor={tmp_path}/other.pt")
