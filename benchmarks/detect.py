"""Measure seconds and peak memory per picture: this package, and the plain network in float32 as the released code.

Each way runs in a separate process, since peak memory is measured per process. The ways alternate; medians are printed,
with ratios to the first way. The time is that from the bytes of a JPEG to the result, after a first picture of the same
size unless --cold is given. Example:

    python benchmarks/detect.py --width 1920 --height 1080
"""

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

RELEASED = "released arithmetic, eager float32"
WAYS = {
    RELEASED: ("", ""),
    "OpenVINO, bf16": ("openvino", "bf16"),
    "OpenVINO, float32": ("openvino", "float32"),
    "ONNX Runtime, float32": ("onnx", "float32"),
    "torch, bf16": ("torch", "bf16"),
    "torch, float32": ("torch", "float32"),
}


def jpeg(width: int, height: int) -> bytes:
    """Noise over a gradient; the time does not depend on the content of the picture."""
    rng = np.random.default_rng(0)
    picture = Image.new("RGB", (width, height))
    for top in range(0, height, 256):
        rows = min(256, height - top)
        ramp = np.linspace(0, 200, width)[None, :, None] + rng.normal(0, 20, (rows, width, 3))
        picture.paste(Image.fromarray(np.clip(ramp, 0, 255).astype(np.uint8)), (0, top))
    stream = io.BytesIO()
    picture.save(stream, format="JPEG", quality=90)
    return stream.getvalue()


def released() -> Callable[[bytes], object]:
    """The released network in torch as in the released code: one picture, contiguous, float32, eager."""
    import torch

    from psccnet.network import Architecture, PSCCNet

    torch.manual_seed(0)
    network = PSCCNet(Architecture("released")).eval()

    def once(data: bytes) -> object:
        pixels = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
        tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].float().div(255).contiguous()
        with torch.no_grad():
            return network(tensor)

    return once


def measure(way: str, width: int, height: int, cold: bool, weights: str) -> dict[str, float]:
    """Run one way in this process; print the seconds from bytes to result, and the peak memory in MB."""
    backend, precision = WAYS[way]
    data = jpeg(width, height)
    if way == RELEASED:
        once = released()
    else:
        from psccnet.inference import load_detector

        once = load_detector(weights, backend=backend, device="cpu", precision=precision, max_pixels=10**9).detect
    if not cold:
        # Eager torch compiles nothing for a size, so that a small picture is enough as a warm-up.
        once(jpeg(256, 256) if way == RELEASED else data)
    started = time.perf_counter()
    once(data)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


def main() -> None:
    """Measure all ways alternately, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS)[:3], metavar="WAY", help=", ".join(WAYS))
    parser.add_argument("--weights", default="default", help="of all ways but the released arithmetic")
    parser.add_argument("--cold", action="store_true", help="time the first picture of a process, without its imports")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments.way, arguments.width, arguments.height, arguments.cold, arguments.weights)))
        return
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in arguments.ways}
    size = ["--width", str(arguments.width), "--height", str(arguments.height), *["--cold"] * arguments.cold]
    size += ["--weights", arguments.weights]
    for _ in range(arguments.repeats):
        for way, of_way in runs.items():
            command = [sys.executable, __file__, *size, "--way", way]
            of_way.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
            print(f"{way}: {of_way[-1]['seconds']:.2f} s", file=sys.stderr)
    print(f"| {arguments.width} x {arguments.height}, median of {arguments.repeats} | seconds | faster | peak MB |")
    print("|---|---|---|---|")
    medians = {
        way: {key: statistics.median(run[key] for run in of_way) for key in ("seconds", "megabytes")}
        for way, of_way in runs.items()
    }
    first = medians[arguments.ways[0]]["seconds"]
    for way, of in medians.items():
        print(f"| {way} | {of['seconds']:.3f} | {first / of['seconds']:.1f} x | {of['megabytes']:.0f} |")


if __name__ == "__main__":
    main()
