"""MVSS-Net on one picture: python mvssnet.py REPOSITORY WEIGHTS IMAGE MASK [SCORE].

Runs with torch, torchvision and OpenCV; needs neither apex nor a GPU, as MVSS-Net's inference.py does. The picture is
squeezed to 512 x 512 and kept in OpenCV's order of colours, as inference.py has it. The score is the mask's maximum.
"""

import os
import sys

import cv2
import numpy as np
import torch

repository, weights, image, mask, *score = (os.path.abspath(argument) for argument in sys.argv[1:])
sys.path.insert(0, repository)
from models.mvssnet import get_mvss  # noqa: E402

network = get_mvss(backbone="resnet50", pretrained_base=False, nclass=1, sobel=True, constrain=True, n_input=3)
network.load_state_dict(torch.load(weights, map_location="cpu"), strict=True)
network.eval()
pixels = cv2.resize(cv2.imread(image), (512, 512)).astype(np.float32) / 255
pixels = (pixels - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
with torch.no_grad():
    _, logits = network(torch.from_numpy(pixels.transpose(2, 0, 1)[None]))
forged = torch.sigmoid(logits)[0, 0].numpy()
cv2.imwrite(mask, np.uint16(np.rint(forged * 65535)))
if score:
    with open(score[0], "w") as file:
        file.write(str(float(forged.max())))
