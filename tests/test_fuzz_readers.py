"""A short run of benchmarks/fuzz_readers.py, whose figures for 10,000 inputs are in docs/reliability.md."""

import importlib.util
import sys
import warnings
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "fuzz_readers.py"


def test_damaged_files_are_read_or_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("fuzz_readers", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    fuzz = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fuzz_readers", fuzz)
    spec.loader.exec_module(fuzz)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow on damaged metadata; what matters is what is raised
        outcome = fuzz.run(tmp_path / "fuzz", 255, seed=1)
    assert outcome.faults == []
    assert sum(outcome.read.values()) + sum(outcome.refused.values()) == 255
    assert min(outcome.read.total(), outcome.refused.total()) > 40
