from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.datasets.listing import read_listing
from psccnet.evaluation.comparators.network import Network
from psccnet.evaluation.comparators.trivial import TRIVIAL
from psccnet.evaluation.reporting.figures import Panel, compared, grid, progression, responses, roc, write_figure
from psccnet.evaluation.rows import Row
from psccnet.inference import Detector


def test_roc_is_the_curve_of_the_rows(row: Callable[..., Row]) -> None:
    rows = [row(str(i), "splicing" if i % 2 else "pristine", score=(i + (i % 2) * 3) / 12) for i in range(8)]
    figure = roc({"net": rows, "other": rows[:4]}, "Detection")
    lines = figure.axes[0].get_lines()
    x, y = lines[0].get_data()
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= 0).all()
    area = np.trapezoid(y, x)
    assert lines[0].get_label() == f"net, AUC {100 * area:.1f} %"
    assert lines[0].get_linestyle() != lines[1].get_linestyle()  # in grey, too


def test_masks_side_by_side(detector: Detector, listed_set: Path) -> None:
    entries = read_listing(listed_set)[:3]
    network = Network(detector)
    figure = compared(entries, [network, TRIVIAL["ela"]])
    assert len(figure.axes) == 12 + 1
    assert figure.axes[-1].get_ylabel() == "mask: 0 pristine, 1 forged"
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:2] == ["pristine", "ground truth"]
    assert titles[2].startswith("test, score ")
    assert titles[3].startswith("ela, score ")
    assert titles[4] == "splicing"
    assert titles[6].startswith("AUC ")
    shown = np.asarray(figure.axes[6].get_images()[0].get_array())
    assert shown == pytest.approx(detector.detect(entries[1].image).mask)
    truth = figure.axes[5].get_images()[0].get_array()
    assert (truth > 0).any()


def test_masks_from_coarse_to_fine(detector: Detector, listed_set: Path) -> None:
    entry = read_listing(listed_set)[1]
    *axes, bar = progression([entry], Network(detector)).axes
    assert bar.get_ylabel() == "mask: 0 pristine, 1 forged"
    # No mask is drawn in black, and the truth in black and white.
    assert {one.get_images()[0].get_cmap().name for one in axes[2:]} == {"viridis"}
    assert axes[1].get_images()[0].get_cmap().name == "gray"
    assert [one.get_title().split(",")[0] for one in axes[2:]] == ["Mask 4", "Mask 3", "Mask 2", "Mask 1"]
    for one, scale in zip(axes[2:], (4, 3, 2, 1), strict=True):
        expected = detector.detect(entry.image, exit_scale=scale).mask
        assert np.asarray(one.get_images()[0].get_array()) == pytest.approx(expected)


def test_responses_have_a_panel_each() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 60, 3), np.uint8)
    maps = [rng.random((8, 8)).astype(np.float32) for _ in range(5)]
    figure = responses([("splicing", picture, picture[..., 0] > 128, [(1, 2), (30, 20), (59, 39)], maps)])
    *panels, colours, hot = figure.axes
    assert [bar.get_ylabel() for bar in (colours, hot)] == [
        "X and $Y_c$: lowest 0, highest 1",
        "response: highest of the line 1",
    ]
    assert [axes.get_title() for axes in panels] == [
        "splicing",
        "ground truth",
        "P1 response",
        "P2 response",
        "P3 response",
        "X, channel 1",
        "$Y_c$, channel 1",
    ]
    assert [text.get_text() for text in figure.axes[0].texts] == ["P1", "P2", "P3"]
    assert all(axes.get_images()[-1].get_array().shape[:2] == (40, 60) for axes in panels)


def test_files(tmp_path: Path) -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    lines = [[Panel(picture, "one"), Panel(picture)], [Panel(picture)]]
    files = write_figure(grid(lines), tmp_path / "new" / "figure.png")
    assert sorted(path.name for path in files) == ["figure.pdf", "figure.png"]
    assert set((tmp_path / "new").iterdir()) == set(files)
    with Image.open(tmp_path / "new" / "figure.png") as image:
        assert image.width > 300
    assert (tmp_path / "new" / "figure.pdf").read_bytes().startswith(b"%PDF")
    before = [path.read_bytes() for path in files]
    write_figure(grid(lines), tmp_path / "new" / "figure.pdf")
    assert [path.read_bytes() for path in files] == before
