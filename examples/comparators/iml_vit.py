"""IML-ViT on one picture: python iml_vit.py REPOSITORY WEIGHTS IMAGE MASK.

Runs in IML-ViT's own environment. Pictures are filled up with black to 1024 x 1024, as its Demo.ipynb has it; larger
ones would be cut off there and are shrunk here.
"""

import os
import sys

import numpy as np
import torch
from PIL import Image

repository, weights, image, mask = (os.path.abspath(argument) for argument in sys.argv[1:])
sys.path.insert(0, repository)
from iml_vit_model import iml_vit_model  # noqa: E402

SIDE = 1024
network = iml_vit_model()
network.load_state_dict(torch.load(weights, map_location="cpu"), strict=True)
network.eval()
picture = Image.open(image).convert("RGB")
picture.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC)
width, height = picture.size
pixels = np.zeros((SIDE, SIDE, 3), np.float32)
pixels[:height, :width] = np.asarray(picture, np.float32) / 255
pixels = (pixels - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
nothing = torch.zeros(1, 1, SIDE, SIDE)  # truth and edges, for its loss
with torch.no_grad():
    _, forged, _ = network(torch.from_numpy(pixels.transpose(2, 0, 1)[None]), nothing, nothing)
Image.fromarray(np.uint16(np.rint(forged[0, 0, :height, :width].numpy() * 65535))).save(mask)
