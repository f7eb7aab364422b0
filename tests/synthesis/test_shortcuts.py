"""Nothing about the file tells the classes apart: size, format, JPEG quality, strength of the block grid."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from psccnet.pictures.sample import MANIPULATIONS
from psccnet.synthesis import Objects, Photographs, SynthesisRecipe, Synthesizer

from .conftest import texture

PICTURES = 800
SIZE = 96
BOUND = 0.6


def block_strength(grey: np.ndarray) -> float:
    """How much larger steps across the borders of 8 x 8 blocks are than steps inside them."""
    steps = np.abs(np.diff(grey.astype(np.float64), axis=1))
    border = np.arange(steps.shape[1]) % 8 == 7
    return float(steps[:, border].mean() / (steps[:, ~border].mean() + 1e-6))


def features(data: bytes) -> list[float]:
    with Image.open(io.BytesIO(data)) as picture:
        tables = getattr(picture, "quantization", None) or {}
        grey = np.asarray(picture.convert("L"))
        quantization = [float(np.mean(tables[n])) if n in tables else 0.0 for n in (0, 1)]
        return [len(data), *quantization, picture.width, picture.height, block_strength(grey), block_strength(grey.T)]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    """So many that what is usual of each cannot be learnt."""
    path = tmp_path_factory.mktemp("many")
    for i in range(80):
        cv2.imwrite(str(path / f"photograph-{i}.jpg"), texture(i), [cv2.IMWRITE_JPEG_QUALITY, 75 + i % 5 * 5])
    return Photographs.open(path)


@pytest.fixture(scope="module")
def table(many: Photographs, objects_tar: Path) -> tuple[np.ndarray, np.ndarray]:
    # The slow fills leave the file no other traces than the others do.
    recipe = SynthesisRecipe(size=SIZE).changed({"removal": {"frequency": 0.0, "shift_map": 0.0}})
    synthesizer = Synthesizer(many, Objects.open(objects_tar, many), recipe, seed=2)
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(lambda index: features(synthesizer.encoded(index)[0]), range(PICTURES)))
    return np.array(rows), np.arange(PICTURES) % len(MANIPULATIONS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [None, 1, 2, 3], ids=["forged", *MANIPULATIONS[1:]])
@pytest.mark.parametrize("model", ["logistic", "boosting"])
def test_the_file_does_not_tell(table: tuple[np.ndarray, np.ndarray], kind: int | None, model: str) -> None:
    rows, classes = table
    kept = np.ones(len(classes), bool) if kind is None else (classes == 0) | (classes == kind)
    rows, forged = rows[kept], classes[kept] > 0
    classifier = (
        make_pipeline(StandardScaler(), LogisticRegression())
        if model == "logistic"
        else HistGradientBoostingClassifier(max_iter=60, max_depth=3)
    )
    scores = cross_val_predict(classifier, rows, forged, cv=5, method="predict_proba")[:, 1]
    assert roc_auc_score(forged, scores) < BOUND


def test_the_test_sees_a_shortcut(table: tuple[np.ndarray, np.ndarray]) -> None:
    """Forgeries saved at another quality, as in the released data, are told apart at once."""
    rows, classes = table
    rows = rows.copy()
    rows[classes > 0, 1] *= 0.7
    scores = cross_val_predict(HistGradientBoostingClassifier(max_iter=60), rows, classes > 0, cv=5)
    assert roc_auc_score(classes > 0, scores) > BOUND
