"""Rows made by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from psccnet.evaluation.rows import PIXEL_SCORES, Row, sparse

NAN = float("nan")


def made_row(
    name: str = "p",
    manipulation: str = "pristine",
    score: float = 0.5,
    pixels: float | dict[str, float] = NAN,
    *,
    comparator: str = "net",
    condition: str = "",
    encoding: str = "JPEG 4:2:0 q90",
    seconds: float = 1.0,
    of: str = "set",
) -> Row:
    values = pixels if isinstance(pixels, dict) else dict.fromkeys(PIXEL_SCORES, pixels)
    # One pixel of each class where forged, ranked rightly where the score says forged.
    truth = None if manipulation == "pristine" else np.array([[False, True]])
    mask = np.array([[0.5, score]], np.float32)
    return Row(
        id=name,
        set=of,
        manipulation=manipulation,
        comparator=comparator,
        condition=condition,
        sha256="0" * 64,
        truth_sha256="",
        encoding=encoding,
        width=2,
        height=1,
        score=score,
        mask_mean=score / 2,
        mask_max=1 - score,
        seconds=seconds,
        forged_fraction=0.0 if truth is None else 0.5,
        pixels=values,
        histogram=sparse(mask, truth),
    )


@pytest.fixture
def row() -> Callable[..., Row]:
    return made_row
