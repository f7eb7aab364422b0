"""The ONNX Runtime backend, on the processor or an NVIDIA GPU."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from psccnet.engine.backends import Compiled, InNumPy
from psccnet.errors import InputError


class ONNXBackend(InNumPy):
    """PSCC-Net by ONNX Runtime, in float32.

    Args:
        graphs: the bytes of an ONNX file for each part.
        device: "cpu", "cuda" or "cuda:1".
        precision: "float32" or "auto".

    Raises:
        InputError: for another precision, or a device that the installed ONNX Runtime does not support.
    """

    name = "onnx"
    precision = "float32"
    tile_cells = 400_000
    stem_cells = 128 * 128
    by_size = False

    def __init__(self, graphs: Mapping[str, bytes], device: str = "cpu", precision: str = "auto") -> None:
        if precision not in ("auto", "float32"):
            raise InputError(f"backend onnx computes in float32, not in {precision!r}")
        provider = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}.get(device.partition(":")[0])
        if provider not in onnxruntime.get_available_providers():
            raise InputError(f"device {device}: this ONNX Runtime has no provider for it; use cpu")
        self._graphs = graphs
        number = device.partition(":")[2]
        options = {"use_tf32": "0"} if provider == "CUDAExecutionProvider" else {}
        self._provider = (provider, options | ({"device_id": number} if number else {}))

    def compile(self, part: str, sizes: Mapping[str, tuple[int, ...]]) -> Compiled:
        """See `Backend`."""
        del sizes
        options = onnxruntime.SessionOptions()
        options.enable_mem_pattern = False  # a pattern is for a single size
        options.enable_cpu_mem_arena = False  # an arena never shrinks
        if os.environ.get("OMP_NUM_THREADS", "").isdecimal():  # as other runtimes do
            options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
        session = onnxruntime.InferenceSession(self._graphs[part], options, providers=[self._provider])
        if self._provider[0] not in session.get_providers():  # ONNX Runtime falls back to the processor silently
            raise InputError(
                f"ONNX Runtime cannot start its {self._provider[0]}; check the CUDA installation, or use --device cpu"
            )
        return _Compiled(session)


class _Compiled:
    """A session as a part."""

    def __init__(self, session: Any) -> None:
        self.inputs = tuple(port.name for port in session.get_inputs())
        self._session = session

    def __call__(self, inputs: Mapping[str, NDArray[np.generic]], /) -> list[NDArray[np.float32]]:
        found: list[NDArray[np.float32]] = self._session.run(None, {name: inputs[name] for name in self.inputs})
        return found
