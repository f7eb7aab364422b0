"""The file that README's figures of the verdict come from, made of a run."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

from psccnet.evaluation.rows import Row
from psccnet.evaluation.stored_runs import Source, StoredRun

ROOT = Path(__file__).parents[2]


def test_a_run_becomes_the_figures_of_the_verdict(row: Callable[..., Row]) -> None:
    pictures = [("copy-move", 0.9), ("copy-move", 0.1), ("splicing", 0.2), ("pristine", 0.6), ("pristine", 0.1)]
    spec = importlib.util.spec_from_file_location("verdict", ROOT / "benchmarks" / "verdict.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    rows = [row(f"{number}", kind, score, 0.75) for number, (kind, score) in enumerate(pictures)]
    source = Source("default with evidence", "a" * 64, [{"date": "2026-11-28", "machine": "a processor, 2 cores"}])
    made = script.figures(StoredRun(Path(), "native", source, 0.5, "casia1", rows))
    assert made["measured"] == "2026-11-28"
    assert made["weights"] == "default with evidence aaaaaaaaaaaa"
    assert made["processor"] == "a processor, 2 cores"
    scores = made["scores"]
    assert (scores["pictures"], scores["forged"], scores["forged_copy-move"], scores["forged_splicing"]) == (5, 3, 2, 1)
    assert (scores["found"], scores["found_copy-move"], scores["found_splicing"]) == (0.3333, 0.5, 0.0)
    assert (scores["false_alarms"], scores["pixel_auc_copy-move"]) == (0.5, 0.75)
    kept = json.loads((ROOT / "docs" / "results" / "verdict-casia1.json").read_text(encoding="utf-8"))
    assert set(kept) - {"note"} == set(made)
