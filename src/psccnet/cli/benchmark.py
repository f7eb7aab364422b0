"""`psccnet benchmark`: measure how long a picture takes on this machine, and where the time goes."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.inputs import BackendName
from psccnet.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from psccnet.engine.timing import Measured

LABELS = {
    "stem": "stem and stage 1",
    "stages": "stages 2 to 4",
    "detection": "detection",
    "scale4": "mask 4",
    "scale3": "mask 3",
    "scale2": "mask 2",
    "scale1": "mask 1",
    "rest": "slicing, copying",
}


def benchmark(
    *,
    sizes: Annotated[tuple[str, ...], Parameter(name="--size", negative=())] = ("256x256", "1920x1080"),
    weights: str = "default",
    backend: BackendName = "auto",
    precision: str = "auto",
    repeats: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
    plot: Path | None = None,
    json_lines: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Time pictures of noise on the processor, and compare with lower bounds.

    The bounds are the network's floating-point operations at the rate of large convolutions in OpenVINO (for int8: in
    floating point), and the bytes of its maps, each written and read once, at the rate of a memory copy. If tiles
    overlap, more operations are computed than the network has.

    For example:

        psccnet benchmark --size 1920x1080 --size 4000x3000 --plot time.png

    Args:
        sizes: WIDTHxHEIGHT; may be given several times.
        weights: a bundled name, a .safetensors file, or a folder in the released layout.
        backend: runtime; see psccnet detect --help.
        precision: auto, float32 or bf16.
        repeats: number of runs of each size; the median is shown.
        plot: draw where the time goes, a stacked bar for each size, into this .png or .pdf (needs psccnet[train]).
        json_lines: print one JSON object per size.
    """
    wanted = [_size(text) for text in sizes]
    if plot is not None:
        import matplotlib  # noqa: F401 (fail before measuring if it is missing)
    from psccnet.engine.find import find_graphs, make_engine
    from psccnet.engine.timing import bandwidth, measure, peak_flops
    from psccnet.weights.reading import inside, resolve

    engine, _ = make_engine(weights, backend, "cpu", precision)
    graphs, _ = find_graphs(inside(resolve(weights)))
    print(f"psccnet: {engine.backend.name}, {engine.backend.precision}: measuring", file=sys.stderr)
    peak, copying = peak_flops(engine), bandwidth()
    measured = measure(engine, graphs, wanted, repeats)
    width = {"bf16": 2, "int8": 1}.get(engine.backend.precision, 4)
    if json_lines:
        for size in measured:
            print(json.dumps(asdict(size) | {"peak_flops": peak, "bandwidth": copying, "precision_bytes": width}))
    else:
        print(f"peak {peak / 1e9:,.0f} GFLOP/s, memory {copying / 1e9:.1f} GB/s, medians of {repeats}\n")
        print("| picture | seconds | GFLOP | computed | least seconds by FLOP | by bytes | share of the bound |")
        print("|---|---|---|---|---|---|---|")
        for size in measured:
            by_flop, by_bytes = size.flop / peak, size.values * width / copying
            print(
                f"| {size.width} x {size.height} | {size.seconds:.3f} | {size.flop / 1e9:,.0f}"
                f" | {size.flop_done / 1e9:,.0f} | {by_flop:.3f} | {by_bytes:.3f}"
                f" | {100 * max(by_flop, by_bytes) / size.seconds:.0f} % |"
            )
    if plot is not None:
        from psccnet.evaluation.reporting.figures import write_figure

        for file in write_figure(_bars(measured, f"{engine.backend.name}, {engine.backend.precision}"), plot):
            print(file, file=sys.stderr)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise InputError(f"--size: {text!r} is not WIDTHxHEIGHT, such as 1920x1080")
    return int(height), int(width)


def _bars(measured: list["Measured"], title: str) -> "Figure":
    """A stacked bar for each size: the shares of the steps."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1.4 + 0.7 * len(measured)), layout="constrained")
    axes = figure.add_subplot()
    names = [f"{size.width} x {size.height}\n{size.seconds:.2f} s" for size in measured]
    left = [0.0] * len(measured)
    for index, (step, label) in enumerate(LABELS.items()):
        shares = [100 * size.steps[step] / size.seconds for size in measured]
        axes.barh(names, shares, left=left, label=label, color=colormaps["tab10"](index))
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the time, %")
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return figure
