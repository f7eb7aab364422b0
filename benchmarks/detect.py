"""Seconds and peak memory of one picture, ours beside the plain network in float32 as the released code runs it.

Each way runs in a process of its own, since peak memory is a process's; ways take turns, and medians are printed
with the ratio to the first. Example:

    python benchmarks/detect.py --width 1920 --height 1080 --repeats 3
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

WAYS = ("released arithmetic, float32", "psccnet, float32", "psccnet, bf16")


def picture(width: int, height: int) -> np.ndarray:
    """Noise over a gradient: the work does not depend on what is in the picture."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, width)[None, :, None] + np.zeros((height, 1, 3))
    return np.clip(ramp + rng.normal(0, 20, (height, width, 3)), 0, 255).astype(np.uint8)


def measure(way: str, width: int, height: int) -> dict[str, float]:
    """Run one way in this process: seconds after a small picture has warmed it up, peak memory in MB."""
    import torch

    from psccnet.inference.backends.pytorch import TorchBackend
    from psccnet.network import PSCCNet

    torch.manual_seed(0)
    pixels = picture(width, height)
    if way == WAYS[0]:
        network = PSCCNet("released").eval()

        def once(pixels: np.ndarray) -> None:
            tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].float().div(255).contiguous()
            with torch.no_grad():
                network(tensor)
    else:
        once = TorchBackend(PSCCNet("paper"), precision="bf16" if way == WAYS[2] else "float32")

    once(pixels[:256, :256].copy())
    started = time.perf_counter()
    once(pixels)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


def main() -> None:
    """Measure all ways in turn and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip-released", action="store_true", help="for pictures that it has no memory for")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments.way, arguments.width, arguments.height)))
        return
    ways = WAYS[1:] if arguments.skip_released else WAYS
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    size = ["--width", str(arguments.width), "--height", str(arguments.height)]
    for _ in range(arguments.repeats):
        for way in ways:
            command = [sys.executable, __file__, *size, "--way", way]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            runs[way].append(json.loads(output))
            print(f"{way}: {runs[way][-1]['seconds']:.2f} s", file=sys.stderr)
    print(f"| {arguments.width} x {arguments.height}, median of {arguments.repeats} | seconds | faster | peak MB |")
    print("|---|---|---|---|")
    first = statistics.median(run["seconds"] for run in runs[ways[0]])
    for way in ways:
        seconds = statistics.median(run["seconds"] for run in runs[way])
        megabytes = statistics.median(run["megabytes"] for run in runs[way])
        print(f"| {way} | {seconds:.2f} | {first / seconds:.1f} x | {megabytes:.0f} |")


if __name__ == "__main__":
    main()
