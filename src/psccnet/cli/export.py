"""`psccnet export`: write the network as a file for other programs."""

import sys
from pathlib import Path
from typing import Literal

from psccnet.errors import InputError


def export(
    out: Path, /, *, weights: str = "default", format: Literal["auto", "onnx", "openvino", "torchscript"] = "auto"
) -> None:
    """Write the network with its weights as one graph, and verify that it computes the same.

    Its input is `pixels`, (batch, height, width, 3) uint8 RGB of any size; its outputs are `score` and `mask1` (the
    finest) to `mask4`, probabilities. The card of the weights is in the file's metadata under "psccnet".

    For example:

        psccnet export psccnet.onnx

        psccnet export models/psccnet.xml --weights my.safetensors

    Args:
        out: file to write: .onnx, .xml (OpenVINO, with a .bin beside it) or .pt (TorchScript).
        weights: a bundled name, a .safetensors file, a folder in the released layout, or one made by psccnet weights
            quantize, of which the float32 weights are exported.
        format: onnx, openvino or torchscript; by default from the ending of the file.
    """
    from psccnet.engine.export import ENDINGS, TOLERANCE
    from psccnet.engine.export import export as write

    if format == "auto":
        by_ending = {ending: name for name, ending in ENDINGS.items()}
        if out.suffix not in by_ending:
            raise InputError(f"{out}: the name must end in .onnx, .xml (OpenVINO) or .pt (TorchScript)")
        format = by_ending[out.suffix]
    done = write(weights, out, format)
    for file in done.files:
        print(file)
    print(
        f"psccnet: verified against the network in torch: differs by at most {done.difference:.1g}"
        f" (allowed {TOLERANCE:g})",
        file=sys.stderr,
    )
