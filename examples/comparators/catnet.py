"""CAT-Net on one picture: python catnet.py REPOSITORY IMAGE MASK.

Runs in CAT-Net's own environment. Its tools/infer.py draws heat maps in colours; this writes the probabilities.
"""

import os
import sys
from argparse import Namespace

import numpy as np
import torch
from PIL import Image

repository, image, mask = (os.path.abspath(argument) for argument in sys.argv[1:])
os.chdir(repository)  # its configuration has relative paths
sys.path.insert(0, repository)
from lib import models  # noqa: E402
from lib.config import config, update_config  # noqa: E402
from Splicing.data.dataset_arbitrary import arbitrary  # noqa: E402

weights = "output/splicing_dataset/CAT_full/CAT_full_v2.pth.tar"
options = ["TEST.MODEL_FILE", weights, "TEST.FLIP_TEST", "False", "TEST.NUM_SAMPLES", "0"]
update_config(config, Namespace(cfg="experiments/CAT_full.yaml", opts=options))
network = getattr(models, config.MODEL.NAME).get_seg_model(config)
network.load_state_dict(torch.load(weights, map_location="cpu")["state_dict"])
network.eval()
# A picture that is no JPEG is compressed at quality 100 first, in a file of a fixed name in this folder.
pictures = arbitrary(None, True, ("RGB", "DCTvol", "qtable"), 1, image, read_from_jpeg=True)
tensor, _, table = pictures.get_tamp(0)
with torch.no_grad():
    forged = torch.softmax(network(tensor[None], table[None])[0], 0)[1].numpy()
# The answer is a quarter of the picture, filled up to whole squares of 8 pixels.
height, width = Image.open(image).size[::-1]
rows = round(height / tensor.shape[1] * forged.shape[0])
columns = round(width / tensor.shape[2] * forged.shape[1])
Image.fromarray(np.uint16(np.rint(forged[:rows, :columns] * 65535))).save(mask)
