"""Counters of a server in the text format of Prometheus."""

from collections import Counter
from collections.abc import Mapping

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds of the histogram's buckets, seconds."""


class Counts:
    """Counters since the start. Not thread-safe.

    Examples:
        >>> counts = Counts()
        >>> counts.detection("forged", seconds=0.2)
        >>> [line for line in counts.text({}).splitlines() if line.startswith("psccnet_pictures_total{")]
        ['psccnet_pictures_total{verdict="forged"} 1']
    """

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0

    def request(self, method: str, route: str, status: int) -> None:
        """Count a request that was answered."""
        self._requests[method, route, status] += 1

    def detection(self, verdict: str, seconds: float) -> None:
        """Count an analysed picture and the seconds since its request."""
        self._verdicts[verdict] += 1
        self._seconds += seconds
        for bound in BOUNDS:
            self._buckets[bound] += seconds <= bound

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Return all counters as text.

        Args:
            gauges: name -> what it is, and its value now.
        """
        lines = _heading("psccnet_requests_total", "counter", "Requests answered.")
        for (method, route, status), count in sorted(self._requests.items()):
            lines.append(f'psccnet_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}')
        lines += _heading("psccnet_pictures_total", "counter", "Pictures looked at, by verdict.")
        lines += [f'psccnet_pictures_total{{verdict="{name}"}} {n}' for name, n in sorted(self._verdicts.items())]
        total = sum(self._verdicts.values())
        name = "psccnet_detection_seconds"
        lines += _heading(name, "histogram", "From a request's arrival to its answer, a picture.")
        lines += [f'{name}_bucket{{le="{bound:g}"}} {self._buckets[bound]}' for bound in BOUNDS]
        lines += [f'{name}_bucket{{le="+Inf"}} {total}', f"{name}_sum {self._seconds:.6f}", f"{name}_count {total}"]
        for gauge, (what, value) in gauges.items():
            lines += [*_heading(gauge, "gauge", what), f"{gauge} {value:g}"]
        return "\n".join(lines) + "\n"


def _heading(name: str, kind: str, what: str) -> list[str]:
    return [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]
