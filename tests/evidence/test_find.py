import io
import subprocess
import sys

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from psccnet.evidence.double_compression import double_compression, stored
from psccnet.evidence.double_compression.stored import luminance
from psccnet.evidence.find import find
from psccnet.evidence.square_statistics import square_statistics

COFFEE = skimage.data.coffee()


def test_every_trace_once_and_in_its_order() -> None:
    file = io.BytesIO()
    Image.fromarray(COFFEE).save(file, "JPEG")
    findings = find(np.asarray(Image.open(file)), file.getvalue())
    assert [finding.name for finding in findings] == [
        "copy-move",
        "jpeg-grid",
        "double-compression",
        "square-statistics",
        "noise",
        "ela",
        "file",
    ]
    for finding in findings:
        assert finding.sentence.endswith(".")
        assert finding.how_to_read
        assert finding.source
        assert not finding.significant


def test_what_a_file_stores_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.fromarray(COFFEE).save(file, "JPEG")
    pixels, data = np.asarray(Image.open(file)), file.getvalue()
    alone = double_compression(data), square_statistics(pixels, data)
    read: list[bytes] = []
    monkeypatch.setattr(stored, "luminance", lambda data: read.append(data) or luminance(data))
    together = {finding.name: finding for finding in find(pixels, data)}
    assert read == [data]
    for expected in alone:
        assert expected is not None
        found = together[expected.name]
        assert found.to_dict() == expected.to_dict()
        np.testing.assert_array_equal(found.map, expected.map)


def test_without_a_file_there_is_no_word_on_it() -> None:
    assert [finding.name for finding in find(COFFEE)] == [
        "copy-move",
        "jpeg-grid",
        "colour-filter",
        "square-statistics",
        "noise",
        "ela",
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 3), st.sampled_from([1, 3, 6, 8]))
def test_pictures_of_any_size_and_kind(height: int, width: int, kind: int, orientation: int) -> None:
    random = np.random.default_rng(height * 100 + width)
    pixels = [
        np.zeros((height, width, 3), np.uint8),
        np.full((height, width, 3), 255, np.uint8),
        random.integers(0, 256, (height, width, 3), np.uint8),
        np.indices((height, width)).sum(0)[..., None].repeat(3, axis=2).astype(np.uint8),
    ][kind]
    for finding in find(pixels, None, orientation):
        assert finding.false_alarms is None or 0 <= finding.false_alarms <= 1
        assert finding.map is None or np.isfinite(finding.map).all()
        for region in finding.regions:
            assert all(-1 <= x <= width + 1 and -1 <= y <= height + 1 for x, y in region.outline)


@pytest.mark.slow
def test_it_needs_no_torch() -> None:
    program = (
        "import sys, numpy as np\n"
        "from psccnet.evidence.find import find\n"
        "find(np.zeros((80, 80, 3), np.uint8))\n"
        "assert 'torch' not in sys.modules and 'scipy' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
