from pathlib import Path

import pytest

from psccnet.weights.card import Card
from psccnet.weights.graph_file import graph_path, read_graphs, write_graphs

GRAPHS = {"stem": b"one", "stages": b"two"}
CARD = Card(name="a", sha256="f" * 64)


def test_graphs_come_back_for_their_own_weights(tmp_path: Path) -> None:
    weights = tmp_path / "a.safetensors"
    assert read_graphs(weights, CARD) is None
    assert write_graphs(GRAPHS, weights, CARD) == graph_path(weights) == tmp_path / "a.graphs"
    assert read_graphs(weights, CARD) == GRAPHS
    assert read_graphs(weights, Card(name="a", sha256="0" * 64)) is None


def test_graphs_of_another_form_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "a.safetensors"
    write_graphs(GRAPHS, weights, CARD)
    monkeypatch.setattr("psccnet.weights.graph_file.FORM", 1_000)
    assert read_graphs(weights, CARD) is None
    write_graphs(GRAPHS, weights, CARD)
    assert read_graphs(weights, CARD) == GRAPHS
