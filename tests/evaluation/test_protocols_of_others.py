"""The scores of IMDL-BenCo and TruFor against small implementations of their own definitions, written anew."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import maximum_filter, minimum_filter

from psccnet.evaluation.protocol import PROTOCOLS
from psccnet.evaluation.reporting.measured import Measured
from psccnet.evaluation.reporting.table import Cell
from psccnet.evaluation.reporting.tables import TABLES
from psccnet.evaluation.rows import Row, pixel_scores
from psccnet.evaluation.summary import SCORES, score_of

Make = Callable[..., Row]
NAN = float("nan")


def f1_of(called: np.ndarray, truth: np.ndarray) -> float:
    """By precision and recall, as IMDL-BenCo has it."""
    right = (called & truth).sum()
    precision, recall = right / max(called.sum(), 1), right / max(truth.sum(), 1)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def trufor(mask: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """TruFor's best and fixed F1: minimum and maximum filters of 15 and 11 pixels, every value as a threshold."""
    inside, outside = minimum_filter(truth, 15), ~maximum_filter(truth, 11)
    kept = inside | outside
    values, label = mask[kept], truth[kept]
    best = max(max(f1_of(values > t, label), f1_of(values <= t, label)) for t in np.unique(values))
    return best, max(f1_of(values > 0.5, label), f1_of(values <= 0.5, label))


@pytest.mark.parametrize("turned", [False, True])
def test_pixel_scores_are_theirs(turned: bool) -> None:
    rng = np.random.default_rng(5)
    truth = np.zeros((60, 80), bool)
    truth[10:45, :50] = True  # reaches the frame
    mask = (0.35 * truth + rng.choice(np.linspace(0, 0.6, 13), truth.shape)).clip(0, 1).astype(np.float32)
    mask[0, :40] = 0.5  # just at the threshold: not called forged
    mask = 1 - mask if turned else mask
    scores = pixel_scores(mask, truth)
    assert scores["f1_half"] == pytest.approx(f1_of(mask > 0.5, truth))
    best, fixed = trufor(mask, truth)
    assert scores["f1_best_borders_permuted"] == pytest.approx(best)
    assert scores["f1_half_borders_permuted"] == pytest.approx(fixed)


@pytest.fixture
def rows(row: Make) -> list[Row]:
    """Four forged pictures, three called so (0.5 is not), and three pristine ones, one called forged."""
    forged = [row(f"f{i}", "splicing", score, i / 10) for i, score in enumerate((0.9, 0.8, 0.6, 0.5))]
    return forged + [row(f"p{i}", score=score) for i, score in enumerate((0.7, 0.5, 0.1))]


def test_image_scores_are_theirs(rows: list[Row]) -> None:
    def value(name: str) -> float:
        return score_of(rows, name, 0.99)[0]

    assert value("image_f1_half") == pytest.approx(2 * (3 / 4) * (3 / 4) / (3 / 4 + 3 / 4))
    assert value("image_accuracy_half") == pytest.approx((3 + 2) / 7)
    assert value("balanced_accuracy_half") == pytest.approx((3 / 4 + 2 / 3) / 2)
    # Of the twelve pairs the forged one is above in 9, and one is a tie.
    assert value("image_auc") == pytest.approx((3 + 3 + 2 + 1.5) / 12)


@pytest.mark.parametrize("name", ["imdlbenco", "cat-net", "trufor"])
def test_their_tables_say_in_what_they_differ(rows: list[Row], name: str) -> None:
    protocol = PROTOCOLS[name]
    assert set(protocol.scores) <= set(SCORES)
    measured = Measured(["columbia"], {"net": 0.5}, protocol.conditions, {("columbia", "net", ""): rows})
    source, make = TABLES[name]
    assert source == "native"
    (table,) = make(measured)
    assert table.rows[0][:4] == ["net", "columbia", "4", "3"]
    assert [cell.value for cell in table.rows[0][4:]] == [score_of(rows, score, 0.5)[0] for score in protocol.scores]
    assert set(protocol.notes) <= set(table.notes)
    published = {line[0]: line for line in table.rows[1:]}
    if name == "trufor":
        assert isinstance(published["PSCC-Net (published 1)"][4], Cell)
    else:
        value = {"imdlbenco": 0.604, "cat-net": 0.884}[name]
        assert published["PSCC-Net (published 1)"][4] == Cell(value)
        assert ("training sets" in "\n".join(table.notes)) == (name == "cat-net")


def test_regions_without_an_inside_are_counted(row: Make) -> None:
    thin = row("f", "splicing", 0.9, {**row("x", "splicing", pixels=0.5).pixels, "f1_best_borders_permuted": NAN})
    measured = Measured(["set"], {"net": NAN}, PROTOCOLS["native"].conditions, {("set", "net", ""): [thin]})
    (table,) = TABLES["trufor"][1](measured)
    assert "Forged pictures left out of a mean because nothing of their region remained: set 1." in table.notes
