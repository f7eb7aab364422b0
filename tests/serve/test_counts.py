import re

from psccnet.serve.counts import Counts


def test_the_text_is_what_prometheus_reads() -> None:
    counts = Counts()
    counts.request("GET", "/v1/model", 200)
    counts.request("GET", "/v1/model", 200)
    counts.request("POST", "other", 421)
    for seconds in (0.05, 0.3, 400):
        counts.detection("forged", seconds)
    text = counts.text({"psccnet_waiting": ("Requests that wait.", 3)})
    lines = text.splitlines()
    assert 'psccnet_requests_total{method="GET",route="/v1/model",status="200"} 2' in lines
    assert 'psccnet_pictures_total{verdict="forged"} 3' in lines
    assert 'psccnet_detection_seconds_bucket{le="0.1"} 1' in lines
    assert 'psccnet_detection_seconds_bucket{le="0.5"} 2' in lines
    assert 'psccnet_detection_seconds_bucket{le="+Inf"} 3' in lines
    assert "psccnet_detection_seconds_sum 400.350000" in lines
    assert "psccnet_waiting 3" in lines
    pattern = r'# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+]+'
    assert all(re.fullmatch(pattern, line) for line in lines)
    named = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(named) == len(set(named))
