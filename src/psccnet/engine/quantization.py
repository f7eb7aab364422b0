"""Quantize the top-down path to 8-bit integers after training, which is faster on processors with int8 instructions.

The result is a folder with the weights and their card, the quantized parts as OpenVINO files, and measurements. The
detection head and the masks with their attention, which are a small part of the work, are not quantized.
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
"""Number of inputs of each part kept per picture for calibration; all of them are in memory at the same time."""
SIDE = 400
"""Pictures are cropped to at most this height and width, so that an input of stages 2 to 4 has 17 MB."""
SMALL_TILE = 224 * 224
"""Cells of a tile for calibration: pictures of 256 x 256 then have several tiles."""

Inputs = dict[str, NDArray[np.generic]]


def centre(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The centre of a picture, at most `SIDE` x `SIDE` pixels, as a copy.

    Examples:
        >>> centre(np.zeros((1080, 300, 3), np.uint8)).shape
        (400, 300, 3)
    """
    top, left = (max(0, (length - SIDE) // 2) for length in picture.shape[:2])
    return picture[top : top + SIDE, left : left + SIDE].copy()


def quantize(weights: str | Path, pictures: Sequence[NDArray[np.uint8]], out: Path) -> dict[str, Any]:
    """Quantize weights to 8-bit integers: calibrate on three quarters of the pictures, measure on the others.

    Args:
        weights: a bundled name or a `.safetensors` path.
        pictures: (H, W, 3) uint8, at least 4, of the kind that will be examined; 32 are enough.
        out: folder to make; `psccnet.load` accepts it as weights.

    Returns:
        The content of the folder's int8.json, among it `score_difference` and `mask_difference`: mean absolute
        differences to float32 of scores and of mask 1, on the pictures not used for calibration.

    Raises:
        InputError: if there are fewer than 4 pictures, `out` exists already, or its parent folder does not.
        WeightsError: if the weights cannot be read, or are not a single file.
        ModuleNotFoundError: if nncf is not installed (psccnet[int8]).
        WriteError: if the folder cannot be written; it is then removed.
    """
    import nncf

    # Not by nncf.set_log_level, which changes all handlers of the logger, also those that a program uses for others.
    logging.getLogger("nncf").setLevel(logging.ERROR)
    if len(pictures) < 4:
        raise InputError(f"calibration needs at least 4 pictures, not {len(pictures)}; 32 are enough")
    if out.exists():
        raise InputError(f"{out} exists already: name a new folder")
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
    recorded: dict[str, list[Inputs]] = {}

    def record(part: str, inputs: Mapping[str, Array], _seconds: float) -> None:
        recorded.setdefault(part, []).append({name: np.array(value) for name, value in inputs.items()})

    for tile_cells in (None, SMALL_TILE):
        recording = Engine(card.architecture, OpenVINOBackend(graphs, "float32"), tile_cells, record)
        for picture in used:
            recorded.clear()
            recording(picture)
            for name, samples in kept.items():
                samples += recorded[name][:: max(1, -(-len(recorded[name]) // PER_PICTURE))]
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
            quantized = Engine(card.architecture, OpenVINOBackend(graphs, "int8", folder), tile_cells)
            pairs += [(exact(picture), quantized(picture)) for picture in held_out]
        measured = {
            "sha256": card.sha256,
            "openvino": openvino.__version__,
            "pictures": len(used),
            "parts": {file.name: sha256(file) for part in kept for file in sorted(folder.glob(f"{part}.*"))},
            "score_difference": float(np.mean([abs(first.score - second.score) for first, second in pairs])),
            "mask_difference": float(
                np.mean([np.abs(first.masks[1] - second.masks[1]).mean() for first, second in pairs])
            ),
        }
        (folder / QUANTIZED).write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
        folder.rename(out)
    return measured
