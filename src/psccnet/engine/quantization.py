"""The top-down path in 8-bit integers, calibrated after training: faster where the processor multiplies them faster.

What is made is a folder: the weights with their card, the quantized parts as OpenVINO files, and what was measured.
The detection head and the masks, a small part of the work, stay as they are, and so does the attention.
"""

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from psccnet.engine.backends import Array
from psccnet.engine.backends.openvino import OpenVINOBackend, core
from psccnet.engine.engine import Engine
from psccnet.engine.find import QUANTIZED, find_graphs
from psccnet.errors import InputError, WeightsError
from psccnet.pictures.whole_files import writing
from psccnet.weights.card import card_path, sha256
from psccnet.weights.graph_file import write_graphs
from psccnet.weights.reading import resolve

PER_PICTURE = 2
"""Inputs of each part that are kept of a picture, spread over it, to calibrate with; they are in memory at once."""
SIDE = 400
"""Pictures are cut out to at most this height and width: a sample of stages 2 to 4 then has 17 MB."""
SMALL_TILE = 224 * 224
"""Cells of a tile while calibrating: pictures of 256 x 256 are cut into several."""

Inputs = dict[str, NDArray[np.generic]]


def centre(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is used of a picture: at most `SIDE` x `SIDE` pixels of its middle, copied."""
    top, left = (max(0, (length - SIDE) // 2) for length in picture.shape[:2])
    return picture[top : top + SIDE, left : left + SIDE].copy()


def quantize(weights: str | Path, pictures: Sequence[NDArray[np.uint8]], out: Path) -> dict[str, Any]:
    """Calibrate weights for 8-bit integers on three quarters of some pictures, and measure on the others.

    Args:
        weights: a bundled name or a `.safetensors` path.
        pictures: (H, W, 3) uint8, at least 4, of the kind that will be looked at; 32 are enough.
        out: folder to make; `psccnet.load` takes it as weights.

    Returns:
        What was measured, as in the folder's int8.json: `score_difference` and `mask_difference`, the mean absolute
        differences of scores and of mask 1 from float32 on the pictures not calibrated with.

    Raises:
        InputError: if there are fewer than 4 pictures or only small ones, or `out` is there already, or in no folder.
        WeightsError: if the weights cannot be read, or are not one file.
        ModuleNotFoundError: if nncf is not installed (psccnet[int8]).
        WriteError: if the folder cannot be written; nothing of it is then left.
    """
    import nncf

    nncf.set_log_level(logging.ERROR)
    if len(pictures) < 4:
        raise InputError(f"calibration needs at least 4 pictures, not {len(pictures)}; 32 are enough")
    if out.exists():
        raise InputError(f"{out} is there already: name a new folder")
    if not out.parent.is_dir():
        raise InputError(f"{out.parent} is not a folder: make it first")
    path = resolve(weights)
    if path.is_dir():
        raise WeightsError(f"{path} is a folder: give a .safetensors file (psccnet weights import makes one)")
    graphs, card = find_graphs(path)
    pictures = [centre(picture) for picture in pictures]
    held_out = pictures[::4]
    used = [picture for index, picture in enumerate(pictures) if index % 4]
    kept: dict[str, list[Inputs]] = {"stem": [], "stages": []}
    given: dict[str, list[Inputs]] = {}

    def keep(part: str, inputs: Mapping[str, Array], _seconds: float) -> None:
        given.setdefault(part, []).append({name: np.array(value) for name, value in inputs.items()})

    for tile_cells in (None, SMALL_TILE):
        recording = Engine(card.architecture, OpenVINOBackend(graphs, "float32"), tile_cells, keep)
        for picture in used:
            given.clear()
            recording(picture)
            for name, samples in kept.items():
                samples += given[name][:: max(1, -(-len(given[name]) // PER_PICTURE))]
    with writing(out), TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
        folder = Path(temporary) / "made"
        folder.mkdir()
        for part, samples in kept.items():
            preset = nncf.QuantizationPreset.MIXED
            model = core().read_model(graphs[part])
            model = nncf.quantize(model, nncf.Dataset(samples), subset_size=len(samples), preset=preset)
            openvino.save_model(model, folder / f"{part}.xml", compress_to_fp16=False)
        shutil.copyfile(path, folder / "weights.safetensors")
        shutil.copyfile(card_path(path), folder / "weights.json")
        write_graphs(graphs, folder / "weights.safetensors", card)
        exact = Engine(card.architecture, OpenVINOBackend(graphs, "float32"))
        pairs = []
        for tile_cells in (None, SMALL_TILE):
            rough = Engine(card.architecture, OpenVINOBackend(graphs, "int8", folder), tile_cells)
            pairs += [(exact(picture), rough(picture)) for picture in held_out]
        measured = {
            "sha256": card.sha256,
            "openvino": openvino.__version__,
            "pictures": len(used),
            "parts": {file.name: sha256(file) for part in kept for file in sorted(folder.glob(f"{part}.*"))},
            "score_difference": float(np.mean([abs(one.score - other.score) for one, other in pairs])),
            "mask_difference": float(np.mean([np.abs(one.masks[1] - other.masks[1]).mean() for one, other in pairs])),
        }
        (folder / QUANTIZED).write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
        folder.rename(out)
    return measured
