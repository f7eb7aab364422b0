"""The tutorial's notebook from its first cell to its last, with small numbers; as a script, since it has no magics."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from psccnet.weights import read_card

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorials" / "fine-tune.ipynb"


# 45 s of processor time: it synthesises, trains, evaluates four methods and draws, as a reader would.
@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    script = tmp_path / "notebook.py"
    script.write_text("\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))
    # Two steps, however slow the machine is; the reader's run ends after two minutes instead.
    small = {"MINUTES": "9", "EPOCHS": "1", "PICTURES": "16", "COUNT": "8", "SIZE": "64", "FOLDER": "tutorial"}
    environment = os.environ | {f"TUTORIAL_{name}": value for name, value in small.items()} | {"MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("pixel AUC") >= 4
    assert "score 0." in done.stdout
    assert read_card(tmp_path / "tutorial" / "tuned.safetensors").steps > 0
    assert (tmp_path / "tutorial" / "why.png").is_file()


def test_outputs_are_small() -> None:
    assert NOTEBOOK.stat().st_size < 1_000_000
