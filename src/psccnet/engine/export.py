"""Export the whole network as one file for other programs; the file is verified before it is written.

Its input is `pixels` (B, H, W, 3) uint8, RGB, of any size. Its outputs are `score` (B,) and the probabilities
`mask1`..`mask4` (B, 1, h, w). Batch norm is folded. The other program decodes pictures and resamples masks.
"""

import io
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from psccnet.errors import ExportError, InputError
from psccnet.pictures.whole_files import write_whole
from psccnet.weights.reading import inside, resolve

if TYPE_CHECKING:
    from psccnet.engine.graphs import Whole
    from psccnet.network.psccnet import PSCCNet

Format = Literal["onnx", "openvino", "torchscript"]
NEEDS: dict[Format, tuple[str, ...]] = {
    "onnx": ("torch", "onnx", "onnxruntime"),
    "openvino": ("torch",),
    "torchscript": ("torch",),
}
"""The packages that write and verify each format."""
ENDINGS: dict[Format, str] = {"onnx": ".onnx", "openvino": ".xml", "torchscript": ".pt"}
TOLERANCE = 1e-3
"""Largest difference to the network's scores and mask probabilities, in float32."""
CHECKED = ((96, 128), (131, 77), (1, 50))
"""Heights and widths of the pictures to verify an export with."""

Run = Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]


@dataclass(frozen=True)
class Exported:
    """The result of an export.

    Attributes:
        files: that were written.
        difference: largest difference to the network in torch, of scores and masks on pictures of the sizes `CHECKED`.
    """

    files: list[Path]
    difference: float


def export(weights: str | Path, path: Path, format: Format) -> Exported:
    """Write weights as one graph.

    Args:
        weights: a bundled name, a `.safetensors` path, a folder in the released layout, or one of quantized parts,
            of which the float32 weights are exported.
        path: of the file; for "openvino" the .xml, with the .bin beside it.
        format: "onnx" (opset 17), "openvino" (IR) or "torchscript".

    Raises:
        InputError: if the path does not have the format's ending, its folder does not exist, or a package for the
            format is not installed.
        WeightsError: if the weights cannot be read.
        ExportError: if the graph differs from the network by more than `TOLERANCE`; nothing is written then.
        WriteError: if a file cannot be written; existing files are then kept.
    """
    if path.suffix != ENDINGS[format]:
        raise InputError(f"{path} does not end in {ENDINGS[format]}: give it that ending")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is not a folder: make it first")
    missing = {package for package in NEEDS[format] if find_spec(package) is None}
    if missing:
        raise InputError(f"format {format} needs {' and '.join(sorted(missing))}: pip install 'psccnet[torch,onnx]'")
    from psccnet.engine.graphs import Whole, prepared
    from psccnet.weights.store import load_network

    network, card = load_network(inside(resolve(weights)))
    contents, run = _WRITERS[format](Whole(prepared(network)), path, card.model_dump_json())
    difference = float(np.max([_difference(run, _by_torch(network), side) for side in CHECKED]))
    if not difference <= TOLERANCE:
        raise ExportError(
            f"{path} was not written: its graph differs from the network by {difference:.2g}, more than {TOLERANCE:g};"
            " try another version of the runtime"
        )
    write_whole(contents)
    return Exported(list(contents), difference)


def _by_torch(network: "PSCCNet") -> Run:
    """The network in torch, in the same form as output of the export."""
    import torch

    def run(pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        with torch.inference_mode():
            prediction = network(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255)
        masks = [torch.sigmoid(mask)[0, 0].numpy() for mask in prediction.mask_logits]
        return [torch.softmax(prediction.detection_logits, 1)[:, 1].numpy(), *masks]

    return run


def _difference(run: Run, reference: Run, size: tuple[int, int]) -> float:
    rng = np.random.default_rng(sum(size))
    coarse = rng.integers(0, 256, (-(-size[0] // 8), -(-size[1] // 8), 3), dtype=np.uint8)
    picture = np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)[: size[0], : size[1]]
    pairs = zip(run(picture), reference(picture), strict=True)
    # NumPy's max, since Python's ignores NaN.
    return float(np.max([np.abs(found.reshape(wanted.shape) - wanted).max() for found, wanted in pairs]))


def _onnx_model(whole: "Whole") -> bytes:
    import torch

    from psccnet.engine.convert import to_onnx

    return to_onnx(whole, [torch.zeros(1, 64, 96, 3, dtype=torch.uint8)])


def _to_onnx(whole: "Whole", path: Path, card: str) -> tuple[dict[Path, bytes], Run]:
    import onnx
    import onnxruntime

    model = onnx.load_from_string(_onnx_model(whole))
    onnx.helper.set_model_props(model, {"psccnet": card})
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return {path: content}, lambda pixels: list(session.run(list(whole.outputs), {"pixels": pixels[None]}))


def _to_openvino(whole: "Whole", path: Path, card: str) -> tuple[dict[Path, bytes], Run]:
    import openvino

    from psccnet.engine.backends.openvino import core

    model = core().read_model(_onnx_model(whole))
    for name, value in json.loads(card).items():
        model.set_rt_info(json.dumps(value), ["psccnet", name])
    with TemporaryDirectory() as folder:
        temporary = Path(folder) / path.name
        openvino.save_model(model, temporary, compress_to_fp16=False)
        contents = {file: (temporary.parent / file.name).read_bytes() for file in (path, path.with_suffix(".bin"))}
        compiled = core().compile_model(temporary, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        found = compiled({"pixels": pixels[None]})
        return [found[name] for name in whole.outputs]

    return contents, run


def _to_torchscript(whole: "Whole", path: Path, card: str) -> tuple[dict[Path, bytes], Run]:
    import torch

    stream = io.BytesIO()
    with torch.inference_mode(), warnings.catch_warnings():
        # TorchScript is deprecated, but programs without Python still use it; tracing warns of comparisons of sizes.
        warnings.simplefilter("ignore")
        example = torch.zeros(1, 64, 96, 3, dtype=torch.uint8)
        traced = torch.jit.trace(whole, example, check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, stream, _extra_files={"psccnet.json": card})
        loaded: Any = torch.jit.load(io.BytesIO(stream.getvalue()))  # type: ignore[no-untyped-call]

    def run(pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        with torch.inference_mode():
            return [output.numpy() for output in loaded(torch.from_numpy(pixels[None].copy()))]

    return {path: stream.getvalue()}, run


_WRITERS: dict[Format, Callable[["Whole", Path, str], tuple[dict[Path, bytes], Run]]] = {
    "onnx": _to_onnx,
    "openvino": _to_openvino,
    "torchscript": _to_torchscript,
}
