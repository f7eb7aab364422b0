"""Convert torch modules to ONNX graphs, which both OpenVINO and ONNX Runtime read. Needs torch and onnx."""

import io
import warnings

import torch
from torch import Tensor

from psccnet.engine.graphs import Part, Whole, parts, prepared
from psccnet.engine.tiling import Span, coordinates
from psccnet.network.architecture import CHANNELS
from psccnet.network.psccnet import PSCCNet
from psccnet.network.sccm import SCCM

OPSET = 17
"""GridSample needs 16; ONNX Runtime 1.13 and later read 17."""


def convert(network: PSCCNet) -> dict[str, bytes]:
    """Convert the parts of a network.

    Args:
        network: in any state; it does not change.

    Returns:
        The bytes of an ONNX file for each part.
    """
    ready = prepared(network)
    for module in ready.modules():
        if isinstance(module, SCCM):
            module.rounded_products = True
    examples = example_inputs(ready)
    return {name: to_onnx(part, [examples[each] for each in part.inputs]) for name, part in parts(ready).items()}


def example_inputs(network: PSCCNet) -> dict[str, Tensor]:
    """Example inputs of all parts by name. No size is special, so that the graphs work for all sizes."""
    cell = network.architecture.cell
    height, width = 44, 60
    examples = {
        "pixels": torch.zeros(1, cell * height, cell * width, 3, dtype=torch.uint8),
        "fine": torch.zeros(1, CHANNELS[0], height, width),
        "half": torch.zeros(1, CHANNELS[1], height // 2, width // 2),
    }
    for axis, length in (("rows", height), ("columns", width)):
        _, found = coordinates(axis, Span(0, length, 0, length), length, network.grid)
        examples |= {name: torch.from_numpy(value) for name, value in found.items()}
    for scale, channels in enumerate(CHANNELS, start=1):
        side = network.grid >> (scale - 1)
        examples[f"feature{scale}"] = torch.zeros(1, channels, side, side)
        examples[f"logits{scale}"] = torch.zeros(1, 1, side, side)
    return examples


def to_onnx(part: Part, examples: list[Tensor]) -> bytes:
    """Convert one part to the bytes of an ONNX file.

    Args:
        part: of a network from `prepared`.
        examples: of its inputs, in their order.
    """
    stream = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter warns that it is deprecated, and tracing that comparisons of sizes become constants; ours are.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            part,
            tuple(examples),
            stream,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            dynamic_axes={name: axes for name, axes in open_axes(part).items() if axes},
        )
    return stream.getvalue()


def open_axes(part: Part) -> dict[str, dict[int, str]]:
    """The axes of inputs and outputs that may have any size, with names."""
    batch = {0: "batch"} if isinstance(part, Whole) else {}
    axes: dict[str, dict[int, str]] = {}
    for name in part.inputs:
        if name == "pixels":
            axes[name] = batch | {1: "height", 2: "width"}
        elif name in ("fine", "half"):
            axes[name] = {2: f"{name}_height", 3: f"{name}_width"}
        elif name.startswith("shares"):
            axes[name] = {2 if "rows" in name else 3: f"{name}_points"}
        elif name.startswith(("rows", "columns", "every")):
            axes[name] = {0: f"{name}_points"}
    for name in part.outputs:
        if "fine" in part.outputs or "feature1" in part.outputs:
            axes[name] = {2: f"{name}_height", 3: f"{name}_width"}
        else:
            axes[name] = dict(batch)
    return axes
