"""The tutorial's notebook from its first cell to its last, with small numbers. It runs as a script: it has no magics."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from psccnet.weights import read_card

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorials" / "fine-tune.ipynb"


# 20 s of processor time: it synthesises, trains, evaluates four methods and draws, as a reader would.
@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    script = tmp_path / "notebook.py"
    script.write_text("\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))
    small = {"TUTORIAL_FOLDER": "tutorial", "TUTORIAL_MINUTES": "0.15", "TUTORIAL_COUNT": "8", "TUTORIAL_SIZE": "64"}
    environment = os.environ | small | {"MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("pixel_auc") >= 4
    assert "score 0." in done.stdout
    assert read_card(tmp_path / "tutorial" / "tuned.safetensors").steps > 0
    assert (tmp_path / "tutorial" / "why.png").is_file()


def test_outputs_are_small() -> None:
    assert NOTEBOOK.stat().st_size < 1_000_000
