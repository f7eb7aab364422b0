"""A released folder, made from the golden seeds."""

from pathlib import Path

import golden
import pytest
import torch

from psccnet.network import Architecture, PSCCNet
from psccnet.weights.released import LAYOUT


def released_states(seed: int = 1) -> dict[str, dict[str, torch.Tensor]]:
    return {
        part: {f"module.{key}": torch.from_numpy(value) for key, value in golden.state_dict(part, shapes, seed).items()}
        for part, shapes in golden.keys().items()
    }


def write_released(folder: Path, states: dict[str, dict[str, torch.Tensor]]) -> None:
    for part, state in states.items():
        path = folder / LAYOUT[part]
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, path)


@pytest.fixture(scope="session")
def released_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    write_released(folder, released_states())
    return folder


@pytest.fixture
def network() -> PSCCNet:
    torch.manual_seed(0)
    return PSCCNet(Architecture(variant="paper"))
