"""Print what a scan costs: pictures per hour by megapixels, and the machines that a rate needs.

The times per picture are those in docs/results/speed.csv, each for two cores; between and beyond the measured sizes,
the time is proportional to the pixels. They are times of the network: a scan adds its overhead (scan_overhead.py), and
the other traces theirs (docs/evidence.md). Example:

    python benchmarks/scan_cost.py
"""

import csv
import math
from pathlib import Path

SPEED = Path(__file__).parents[1] / "docs" / "results" / "speed.csv"
RATES = (1_000_000, 14_600_000)
"""Pictures per hour: a million, and the uploads of a social network that the paper names."""
MEGAPIXELS = (0.2, 1920 * 1080 / 1e6, 12.0)
STEMS = {"default": "full stem", "unshuffled": "unshuffled stem"}


def label(processor: str, precision: str) -> str:
    """A processor with the precision that it computed in, unless its name says that."""
    return processor if processor.lower().endswith(precision) else f"{processor}, {precision}"


def measured_times() -> dict[str, dict[float, float]]:
    """Processor, precision and stem -> seconds per picture by megapixels; of several values, the slowest.

    Of each processor, OpenVINO in its fastest precision: bf16 where it was measured.
    """
    with SPEED.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["way"].startswith("OpenVINO")]
    bf16 = {row["processor"] for row in rows if row["way"].endswith("bf16")}
    times: dict[str, dict[float, float]] = {}
    for row in rows:
        precision = row["way"].rpartition(", ")[2]
        if precision != ("bf16" if row["processor"] in bf16 else "float32"):
            continue
        sizes = times.setdefault(f"{label(row['processor'], precision)}, {STEMS[row['weights']]}", {})
        megapixels = int(row["width"]) * int(row["height"]) / 1e6
        sizes[megapixels] = max(sizes.get(megapixels, 0.0), float(row["seconds"]))
    return times


def seconds_of(measured: dict[float, float], megapixels: float) -> float:
    """Seconds for a picture, by linear interpolation between measured sizes; beyond them in proportion."""
    sizes = sorted(measured)
    if megapixels <= sizes[0] or megapixels >= sizes[-1]:
        nearest = sizes[0] if megapixels <= sizes[0] else sizes[-1]
        return measured[nearest] * megapixels / nearest
    above = next(size for size in sizes if size >= megapixels)
    below = sizes[sizes.index(above) - 1]
    share = (megapixels - below) / (above - below)
    return measured[below] + share * (measured[above] - measured[below])


def machines_for(rate: float, seconds: float) -> int:
    """The number of machines of two cores that examine `rate` pictures per hour."""
    return math.ceil(rate * seconds / 3600)


def table() -> str:
    """The table of docs/scan.md, in Markdown."""
    machines = (f"machines for {rate:,} per hour" for rate in RATES)
    heads = ["two cores", "megapixels", "seconds", "pictures per hour", *machines]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, measured in measured_times().items():
        for megapixels in MEGAPIXELS:
            seconds = seconds_of(measured, megapixels)
            needed = " | ".join(f"{machines_for(rate, seconds):,}" for rate in RATES)
            known = "" if megapixels in measured else "~"
            lines.append(f"| {name} | {megapixels:.3g} | {known}{seconds:.2f} | {3600 / seconds:,.0f} | {needed} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
