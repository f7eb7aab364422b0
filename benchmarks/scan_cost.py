"""Print what a scan costs: pictures per hour by megapixels, and the machines that a rate needs.

The times per picture are those measured in docs/engine.md, each for two cores; between and beyond the measured sizes,
the time is proportional to the pixels. They are times of the network: a scan adds its overhead (scan_overhead.py), and
the other traces theirs (docs/evidence.md). Example:

    python benchmarks/scan_cost.py
"""

import math

RATES = (1_000_000, 14_600_000)
"""Pictures per hour: a million, and the uploads of a social network that the paper names."""
MEGAPIXELS = (0.2, 2.07, 12.0)
MEASURED = {
    "AMX, bf16, full stem": {0.066: 0.113, 2.07: 3.04, 12.0: 20.4},
    "AVX-512 BF16, full stem": {2.07: 7.35},
    "AVX-512 BF16, unshuffled stem": {2.07: 1.51},
    "AVX2, float32, unshuffled stem": {2.07: 6.9},
}
"""Seconds per picture by megapixels, on two cores; of several values of a range, the slowest."""


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


def main() -> None:
    """Print the table."""
    print(
        "| two cores | megapixels | seconds | pictures per hour |", *(f"machines for {r:,} per hour |" for r in RATES)
    )
    print("|---" * (4 + len(RATES)) + "|")
    for name, measured in MEASURED.items():
        for megapixels in MEGAPIXELS:
            seconds = seconds_of(measured, megapixels)
            needed = " | ".join(f"{machines_for(rate, seconds):,}" for rate in RATES)
            known = "" if megapixels in measured else "~"
            print(f"| {name} | {megapixels:g} | {known}{seconds:.2f} | {3600 / seconds:,.0f} | {needed} |")


if __name__ == "__main__":
    main()
