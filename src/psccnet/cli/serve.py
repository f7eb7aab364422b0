"""`psccnet serve`: serve the page and the API on this machine."""

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
    """Serve a page to examine pictures in a browser, and an API for other programs, on this machine only.

    Nothing leaves the machine. Results stay in memory and are deleted after a while. If the variable PSCCNET_API_KEY is
    set, requests need this key.

    For example:

        psccnet serve

        psccnet serve --port 9000 --keep-minutes 5

    Args:
        host: address to listen on; 0.0.0.0 accepts other machines, which needs a key and --host-name.
        port: to listen on; 0 takes a free one.
        weights: a bundled name, a .safetensors file, or a folder made by psccnet weights quantize.
        backend: runtime; auto takes torch if there is an NVIDIA GPU, otherwise OpenVINO.
        device: auto, cpu, cuda or mps.
        precision: auto, float32, bf16, or int8 for weights made by psccnet weights quantize.
        host_name: a name of this machine in the network, besides localhost; may be given several times.
        max_upload_mb: refuse larger files.
        max_megapixels: refuse larger pictures before decoding them.
        queue: largest number of waiting requests; others are refused with a request to try again later.
        seconds: time limit for one picture.
        keep_minutes: delete a result after this time.
        keep_mb: memory for all results; the oldest are deleted first.
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
