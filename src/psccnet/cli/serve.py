"""`psccnet serve`: the page and the API on this machine."""

import os
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.inputs import BackendName

KEY = "PSCCNET_API_KEY"


def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8000,
    weights: str = "default",
    backend: BackendName = "auto",
    device: str = "auto",
    precision: str = "auto",
    host_name: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    max_upload_mb: Annotated[float, Parameter(validator=Number(gt=0, lte=2000))] = 32,
    max_megapixels: Annotated[float, Parameter(validator=Number(gt=0, lte=2000))] = 50,
    queue: Annotated[int, Parameter(validator=Number(gte=1, lte=1000))] = 32,
    seconds: Annotated[float, Parameter(validator=Number(gt=0, lte=3600))] = 120,
    keep_minutes: Annotated[float, Parameter(validator=Number(gt=0, lte=10_000))] = 30,
    keep_mb: Annotated[int, Parameter(validator=Number(gte=1, lte=1_000_000))] = 256,
) -> int:
    """Look at pictures in a browser, and offer the same to other programs, on this machine alone.

    Nothing leaves the machine. Results stay in memory and are deleted after a while. The variable PSCCNET_API_KEY,
    where it is set, holds the key that requests have to bring.

    For example:

        psccnet serve

        psccnet serve --port 9000 --keep-minutes 5

    Args:
        host: address to listen on; 0.0.0.0 lets other machines in, for which a key and --host-name are needed.
        port: to listen on; 0 takes a free one.
        weights: a bundled name, a .safetensors file, or a folder that psccnet weights quantize made.
        backend: what computes; auto takes torch on a GPU where there is one, otherwise OpenVINO.
        device: auto, cpu, cuda or mps.
        precision: auto, float32, bf16, or int8 for weights that psccnet weights quantize made.
        host_name: name by which other machines call this one, beside localhost; may be given several times.
        max_upload_mb: refuse larger files.
        max_megapixels: refuse larger pictures before decoding them.
        queue: requests that may wait at a time; more are told to come again.
        seconds: that one picture may take.
        keep_minutes: after which a result is deleted.
        keep_mb: of memory for all results; the oldest are deleted first.
    """
    from psccnet.serve.running import run
    from psccnet.serve.settings import LOCAL_NAMES, Settings

    settings = Settings(
        weights=weights,
        backend=backend,
        device=device,
        precision=precision,
        hosts=(*LOCAL_NAMES, *host_name),
        api_key=os.environ.get(KEY, ""),
        max_bytes=int(max_upload_mb * (1 << 20)),
        max_pixels=int(max_megapixels * 1e6),
        queue=queue,
        seconds=seconds,
        keep_seconds=60 * keep_minutes,
        keep_bytes=keep_mb << 20,
    )
    run(settings, host, port)
    return 0
