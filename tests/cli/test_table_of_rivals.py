"""A row of Table II for ManTra-Net and for TruFor by one command, beside what was published."""

import sys
from pathlib import Path

import pytest
import torch

from psccnet.evaluation.comparators.mantranet import ManTraNet

from .conftest import Run as Command

EXAMPLES = Path(__file__).parents[2] / "examples" / "comparators"
FAKE = """
import sys
import numpy as np
from PIL import Image
words = sys.argv[1:]
assert words[:2] == ["-g", "-1"] and words[6:8] == ["-exp", "trufor_ph3"], words
assert words[8:] == ["TEST.MODEL_FILE", "pretrained_models/trufor.pth.tar"], words
picture = np.asarray(Image.open(words[words.index("-in") + 1]), np.float32)
np.savez(words[words.index("-out") + 1], map=picture.mean(axis=2) / 255, score=0.75, conf=0)
"""
"""Takes the arguments of TruFor's test.py and writes what it writes; its map is the picture's brightness."""


@pytest.mark.slow
@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are not part of an installed package")
def test_rivals_stand_beside_what_was_published(psccnet: Command, listed_set: Path, tmp_path: Path) -> None:
    index = listed_set / "index.csv"
    index.write_text(index.read_text().replace("odd,", "columbia,").replace("even,", "columbia,"))
    torch.manual_seed(0)
    state = ManTraNet().state_dict()
    state["IMTFE.BayarConv2D.weight"] = state["IMTFE.BayarConv2D.weight"].abs() + 0.05
    torch.save(state, tmp_path / "MantraNetv4.pt")
    (tmp_path / "TruFor").mkdir()
    (tmp_path / "TruFor" / "test.py").write_text(FAKE)
    adapter = f"'{sys.executable}' '{EXAMPLES / 'trufor.py'}' '{tmp_path / 'TruFor'}' {{image}} {{mask}} {{score}}"
    words = ("table", "II", "--set", f"listing={listed_set}", "--out", tmp_path / "out")
    done = psccnet(
        *words, "--comparator", f"mantranet={tmp_path / 'MantraNetv4.pt'}", "--comparator", f"trufor={adapter}"
    )
    assert done.status == 0, done.err
    mean = done.out.split("**")[2]
    rows = dict(
        line.strip("| ").split(" | ") for line in mean.splitlines() if line.startswith("| ") and "---" not in line
    )
    assert 0 < float(rows["mantranet"]) < 100
    assert 0 < float(rows["trufor"]) < 100
    assert {name: rows[name] for name in rows if "published" in name} == {
        "ManTra-Net (published 1)": "82.4",
        "SPAN (published 1)": "93.6",
        "PSCC-Net (published 1)": "98.2",
    }
    assert "Forged pictures: columbia 4." in mean
    assert "(published 1): not measured here, no interval, whole sets; PSCC-Net paper (TCSVT 2022), Table II" in mean
