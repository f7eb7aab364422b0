"""What the wheel without extras can do. `make test-base` runs this where there is no torch.

It uses nothing of the other tests, and is part of `make test` too, where torch must then stay unimported.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

RECIPES = Path(__file__).parents[2] / "recipes"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "psccnet", *arguments], capture_output=True, text=True)


def picture(path: Path) -> Path:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
    small.resize((96, 72), Image.Resampling.BICUBIC).save(path)
    return path


def test_detect_without_torch(tmp_path: Path) -> None:
    program = (
        "import sys, psccnet\n"
        "result = psccnet.load().detect(sys.argv[1])\n"
        "assert result.mask.shape == (72, 96) and 0 < result.score < 1\n"
        "heavy = {'torch', 'cv2', 'onnx', 'onnxruntime', 'matplotlib', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert sys.modules['openvino_telemetry'] is None, 'OpenVINO tells a server of its use'\n"
    )
    path = picture(tmp_path / "picture.png")
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    path = picture(tmp_path / "picture.png")
    done = run("detect", str(path), "--json", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["width"] == 96
    assert all(Path(file).is_file() for file in shown["files"])
    assert run("weights", "list").stdout.startswith("default")
    assert "sha256" in run("weights", "show").stdout
    assert "intact" in run("weights", "verify").stdout


@pytest.mark.slow
def test_what_needs_more_says_what_to_install(tmp_path: Path) -> None:
    if find_spec("torch") is not None:
        return
    (tmp_path / "released").mkdir()
    path = picture(tmp_path / "picture.png")
    for arguments, wanted in (
        (["detect", str(path), "--weights", str(tmp_path / "released")], "psccnet[torch]"),
        (["detect", str(path), "--backend", "torch"], "psccnet[torch]"),
        (["detect", str(path), "--backend", "onnx"], "psccnet[onnx]"),
        (["train", str(RECIPES / "default.yaml")], "psccnet[train]"),
        (["synthesize", str(tmp_path), "--out", str(tmp_path / "out")], "psccnet[train]"),
        (["evaluate", str(tmp_path)], "psccnet[train]"),
        (["scan", str(tmp_path), "--out", str(tmp_path / "out")], "psccnet[scan]"),
        (["scan", "query", str(tmp_path), "SELECT 1"], "psccnet[scan]"),
        (["serve"], "psccnet[serve]"),
        (["report", str(path), "--out", str(tmp_path / "report.html")], "psccnet[report]"),
    ):
        done = run(*arguments)
        assert done.returncode == 2, arguments
        assert wanted in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
