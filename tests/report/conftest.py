"""Results with and without findings, and a card with and without figures."""

from datetime import UTC, datetime

import numpy as np
import pytest

from psccnet.evidence import Finding, Region
from psccnet.inference import Result
from psccnet.pictures.resampling import resample
from psccnet.weights import Card

from ..conftest import texture

DATE = datetime(2026, 5, 17, 14, 30, tzinfo=UTC)

COPY_MOVE = Finding(
    name="copy-move",
    sentence="A part of the picture appears twice <b>.",
    how_to_read="Repeated patterns, such as windows, may look the same.",
    false_alarms=0.0004,
    significant=True,
    regions=(
        Region(((10, 10), (30, 10), (30, 25), (10, 25)), "source"),
        Region(((40, 30), (60, 30), (60, 45), (40, 45)), "target"),
    ),
    source="Somebody, 2020",
)
NOISE = Finding("noise", "The noise is even.", "Textures have noise, too.", map=np.full((4, 6), 0.25, np.float32))
CAMERA = Finding("metadata", "The file names no camera.")


@pytest.fixture
def pixels() -> np.ndarray:
    return texture(4, 60, 90)


def result_of(score: float, findings: tuple[Finding, ...] = (), name: str = "claims/<photo>.jpg") -> Result:
    rng = np.random.default_rng(1)
    masks = {scale: rng.random((64 >> scale, 64 >> scale), np.float32) for scale in (1, 2, 3, 4)}
    forged = score >= 0.5
    return Result(
        name=name,
        score=score,
        verdict="forged" if forged else "pristine",
        threshold=0.5,
        mask=resample(masks[1], 60, 90),
        masks=masks,
        forged_fraction=0.5,
        width=90,
        height=60,
        sha256="5a" * 32,
        model="test",
        seconds=1.25,
        notes=("grey converted to RGB",),
        level=0.5 if forged else None,
        marked_fraction=0.123 if forged else 0.0,
        findings=findings,
    )


@pytest.fixture
def card() -> Card:
    figures = {
        "found": 0.194,
        "found_low": 0.139,
        "found_high": 0.25,
        "false_alarms": 0.019,
        "forged": 180.0,
        "pictures": 340.0,
    }
    others = {"found": 0.75, "false_alarms": 0.0, "forged": 8.0, "pictures": 16.0, "image_auc": 0.9}
    scores = {"casia1": figures, "mine": others, "masks-only": {"pixel_auc": 0.8}}
    return Card(name="test", threshold=0.5, scores=scores, sha256="c" * 64, notes="Weak & small.")
