"""The graph file beside a weight file, an uncompressed ZIP of ONNX graphs: inference runs these without torch.

`psccnet.engine.convert` makes the graphs; this module writes and reads the file.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from psccnet.errors import WeightsError
from psccnet.pictures.whole_files import write_whole
from psccnet.weights.card import Card

MANIFEST = "graphs.json"
FORM = 1
"""Version of the parts, their inputs and outputs. Raise it when `psccnet.engine.graphs` changes one of these: old graph
files are then converted again instead of failing at run time."""


def graph_path(weights: Path) -> Path:
    """The path of the graph file of a `.safetensors` file: beside it, with the ending `.graphs`.

    Examples:
        >>> graph_path(Path("runs/mine.safetensors")).name
        'mine.graphs'
    """
    return weights.with_suffix(".graphs")


def write_graphs(graphs: Mapping[str, bytes], weights: Path, card: Card) -> Path:
    """Write the graph file of weights.

    Args:
        graphs: the bytes of an ONNX file for each part of the network.
        weights: the `.safetensors` file.
        card: of the weights.

    Returns:
        The path of the graph file.

    Raises:
        WriteError: if the file cannot be written; an existing file is then kept.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        # Without dates, so that the same weights give the same bytes.
        archive.writestr(zipfile.ZipInfo(MANIFEST), json.dumps({"sha256": card.sha256, "form": FORM}))
        for part, content in graphs.items():
            archive.writestr(zipfile.ZipInfo(f"{part}.onnx"), content)
    path = graph_path(weights)
    write_whole({path: stream.getvalue()})
    return path


def read_graphs(weights: Path, card: Card) -> dict[str, bytes] | None:
    """Read the graph file of weights; None if there is none, or it belongs to other weights or has another `FORM`.

    Args:
        weights: the `.safetensors` file.
        card: of the weights.

    Raises:
        WeightsError: if the file is damaged.
    """
    path = graph_path(weights)
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(MANIFEST))
            if manifest["sha256"] != card.sha256 or manifest.get("form", 1) != FORM:
                return None
            names = [name for name in archive.namelist() if name != MANIFEST]
            return {name.removesuffix(".onnx"): archive.read(name) for name in names}  # `read` checks the CRC
    except FileNotFoundError:
        return None
    # For damaged files, zipfile raises BadZipFile, EOFError, zlib.error, NotImplementedError and others.
    except Exception as error:
        raise WeightsError(f"{path} is damaged: delete it; it is made again if torch is installed") from error
