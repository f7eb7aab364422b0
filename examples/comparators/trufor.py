"""TruFor on one picture: python trufor.py REPOSITORY IMAGE MASK [SCORE].

Runs in TruFor's own environment. REPOSITORY is its folder TruFor_train_test, with pretrained_models/trufor.pth.tar.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

repository, image, mask, *score = (Path(argument).resolve() for argument in sys.argv[1:])
with tempfile.TemporaryDirectory() as folder:
    result = Path(folder) / "result.npz"
    command = [sys.executable, "test.py", "-g", "-1", "-in", str(image), "-out", str(result), "-exp", "trufor_ph3"]
    subprocess.run([*command, "TEST.MODEL_FILE", "pretrained_models/trufor.pth.tar"], cwd=repository, check=True)
    # TruFor prints what goes wrong and ends with status 0; then there is no file.
    with np.load(result) as found:
        Image.fromarray(np.uint16(np.rint(found["map"] * 65535))).save(mask)
        if score:
            score[0].write_text(str(float(found["score"])))
