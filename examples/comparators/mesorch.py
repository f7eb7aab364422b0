"""Mesorch on one picture: python mesorch.py REPOSITORY WEIGHTS IMAGE MASK.

Runs in the environment of Mesorch's README (imdlbenco, NumPy below 2). The picture is squeezed to 512 x 512.
"""

import importlib.util
import os
import sys

import numpy as np
import torch
from PIL import Image

repository, weights, image, mask = (os.path.abspath(argument) for argument in sys.argv[1:])
sys.path.insert(0, repository)
# This script and the repository's module have the same name.
found = importlib.util.spec_from_file_location("mesorch_model", os.path.join(repository, "mesorch.py"))
module = importlib.util.module_from_spec(found)
found.loader.exec_module(module)

network = module.Mesorch()
network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=False)["model"])
network.eval()
pixels = np.asarray(Image.open(image).convert("RGB").resize((512, 512), Image.Resampling.BILINEAR), np.float32) / 255
pixels = (pixels - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
with torch.no_grad():
    answer = network(torch.from_numpy(pixels.transpose(2, 0, 1)[None]), torch.zeros(1, 1, 512, 512))
Image.fromarray(np.uint16(np.rint(answer["pred_mask"][0, 0].numpy() * 65535))).save(mask)
