"""The OpenVINO backend, on the processor."""

import os
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import properties

from psccnet.engine.backends import Compiled, InNumPy
from psccnet.errors import InputError


@cache
def core() -> openvino.Core:
    """The only OpenVINO core of this process.

    A core installs a signal stack for the thread that makes it. After several cores were made and destroyed, the signal
    stack may be freed memory, and the next Ctrl-C crashes the process.
    """
    return openvino.Core()


class OpenVINOBackend(InNumPy):
    """PSCC-Net on the processor by OpenVINO.

    Args:
        graphs: the bytes of an ONNX file for each part.
        precision: "float32", "bf16", "int8", or "auto": int8 if there are quantized parts, otherwise bf16 if the
            processor has instructions for it, otherwise float32.
        quantized: a folder from `psccnet.engine.quantization.quantize`, for int8.

    Raises:
        InputError: for an unknown precision, or int8 without such a folder.
    """

    name = "openvino"
    tile_cells = 700_000
    by_size = True  # needs half the memory
    stem_cells = 200 * 200
    """With smaller tiles the halo costs more; with larger ones the maps of 256 channels do not fit into the cache."""

    def __init__(self, graphs: Mapping[str, bytes], precision: str = "auto", quantized: Path | None = None) -> None:
        self._graphs = graphs
        fast = "BF16" in core().get_property("CPU", properties.device.capabilities())
        if precision == "auto":
            precision = "int8" if quantized else "bf16" if fast else "float32"
        if precision not in ("float32", "bf16", "int8"):
            raise InputError(f"precision must be auto, float32, bf16 or int8, not {precision!r}")
        if precision == "int8" and quantized is None:
            raise InputError("int8 needs quantized weights: make them with psccnet weights quantize")
        self.precision = precision
        self._floating = "bf16" if precision == "bf16" or (precision == "int8" and fast) else "f32"
        self._quantized = quantized if precision == "int8" else None

    def model(self, part: str) -> openvino.Model:
        """The graph of a part; the quantized one if there is one."""
        file = None if self._quantized is None else self._quantized / f"{part}.xml"
        return core().read_model(self._graphs[part] if file is None or not file.is_file() else file)

    def compile(self, part: str, sizes: Mapping[str, tuple[int, ...]]) -> Compiled:
        """See `Backend`."""
        model = self.model(part)
        if sizes:
            model.reshape({name: list(size) for name, size in sizes.items()})
        options = {
            "INFERENCE_PRECISION_HINT": self._floating,
            # All cores for one picture: two pictures at a time are hardly faster and need twice the memory.
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": "NO",  # the process may be limited to some cores
        }
        if os.environ.get("OMP_NUM_THREADS", "").isdecimal():  # as other runtimes do
            options["INFERENCE_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"]
        return _Compiled(core().compile_model(model, "CPU", options))


class _Compiled:
    """A compiled model with a request for each thread."""

    def __init__(self, model: Any) -> None:
        # Names of nodes, since a tensor may have several names.
        self.inputs = tuple(port.get_node().get_friendly_name() for port in model.inputs)
        self._model = model
        self._requests = threading.local()

    def __call__(self, inputs: Mapping[str, NDArray[np.generic]], /) -> list[NDArray[np.float32]]:
        if not hasattr(self._requests, "own"):
            self._requests.own = self._model.create_infer_request()
        own_inputs = {name: inputs[name] for name in self.inputs}
        found = self._requests.own.infer(own_inputs, share_inputs=True, share_outputs=True)
        return [found[number] for number in range(len(self._model.outputs))]
