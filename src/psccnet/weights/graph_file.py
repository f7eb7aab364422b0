"""The graphs of weights, which inference runs without torch: one file beside the weights, an uncompressed ZIP of ONNX.

`psccnet.engine.convert` makes the graphs; here they are only kept and found again.
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
"""Of the parts, their inputs and their outputs: one more whenever `psccnet.engine.graphs` changes any of these, so that
graphs of before are made anew instead of failing as they run."""


def graph_path(weights: Path) -> Path:
    """Where the graphs of a `.safetensors` file stand: beside it, with the ending `.graphs`."""
    return weights.with_suffix(".graphs")


def write_graphs(graphs: Mapping[str, bytes], weights: Path, card: Card) -> Path:
    """Write graphs beside the weights that they were made of.

    Args:
        graphs: part -> ONNX file.
        weights: the `.safetensors` file.
        card: of the weights.

    Raises:
        WriteError: if the file cannot be written; what stood there before is then still there.
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
    """The graphs beside weights; None where there are none, or those of other weights or of another form.

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
            return {name.removesuffix(".onnx"): archive.read(name) for name in names}  # which checks their CRC
    except FileNotFoundError:
        return None
    # Of a damaged file, zipfile raises whatever comes up: BadZipFile, EOFError, zlib.error, NotImplementedError, ...
    except Exception as error:
        raise WeightsError(f"{path} is damaged: delete it, and it is made anew where torch is installed") from error
