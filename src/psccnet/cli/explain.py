"""`psccnet explain`: show which places of a picture the network relates a pixel to (Fig. 9 of the paper)."""

import io
import re
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.inputs import BackendName
from psccnet.errors import InputError
from psccnet.pictures.whole_files import make_folder, write_whole


def explain(
    picture: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=("--out", "-o"))],
    point: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    scale: Literal[1, 2, 3, 4] = 3,
    channel: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    colours: Literal["viridis", "jet"] = "viridis",
    weights: str = "default",
    backend: BackendName = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> int:
    """Show which places of a picture the network's attention relates pixels to, as a PNG file and as arrays.

    Writes OUT with the picture, the spatial response of each pixel (Eq. 2 of the paper), and one channel of X and Y_c
    (Eq. 3); beside it, with the ending .npz, the arrays spatial, x, y_c and points.

    For example:

        psccnet explain photo.jpg -o why.png

        psccnet explain photo.jpg --point 120,80 --point 300,200 --scale 1 -o why.png

    Args:
        picture: a file.
        out: the PNG file to write.
        point: X,Y of a pixel of the upright picture, column and row from 0; may be given several times. By default two
            pixels with high mask values and one with a low value.
        scale: of the module; 4 is the coarsest.
        channel: of X and Y_c, from 0.
        colours: viridis, or jet as in the paper.
        weights: a bundled name, a .safetensors file, or a folder made by psccnet weights quantize.
        backend: runtime; auto takes torch if there is an NVIDIA GPU, otherwise OpenVINO.
        device: auto, cpu, cuda or mps.
        precision: auto, float32, bf16, or int8 for weights made by psccnet weights quantize.
    """
    if out.suffix.lower() != ".png":
        raise InputError(f"{out}: the name of the drawing must end in .png")
    points = [_point(text) for text in point]
    make_folder(out.parent)
    import numpy as np

    from psccnet.inference import load_detector
    from psccnet.inference.attention import Attention, watched
    from psccnet.inference.explaining import choose_points, draw
    from psccnet.inference.explaining import explain as ask
    from psccnet.inference.rendering import png
    from psccnet.pictures.decoding import decode

    attention = Attention(weights)
    decoded = decode(picture)
    height, width = decoded.pixels.shape[:2]
    for x, y in points:
        if x >= width or y >= height:
            raise InputError(f"--point {x},{y}: {picture} has {width} x {height} pixels; give one of them")
    detector = load_detector(weights, backend, device, precision)
    with watched(detector.engine) as features:
        result = detector.detect(decoded, exit_scale=scale, masks=(scale,))
    channels = len(features[scale])
    if channel >= channels:
        raise InputError(f"--channel {channel}: scale {scale} has {channels} channels, from 0")
    chosen = points or choose_points(result.masks[scale], width, height)
    explained = ask(attention, features[scale], scale, chosen, (width, height), channel)
    spatial, y_c = np.stack(explained.spatial), np.empty((0, 0)) if explained.y_c is None else explained.y_c
    packed = io.BytesIO()
    np.savez(packed, spatial=spatial, x=explained.x, y_c=y_c, points=np.array(explained.points))
    write_whole({out: png(draw(explained, decoded.pixels, colours)), out.with_suffix(".npz"): packed.getvalue()})
    print(f"{out}: {', '.join(f'P{n} at {x},{y}' for n, (x, y) in enumerate(chosen, 1))}")
    return 0


def _point(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,9})\s*,\s*(\d{1,9})", text)
    if found is None:
        raise InputError(f"--point {text}: a pixel is X,Y, such as 120,80")
    return int(found[1]), int(found[2])
