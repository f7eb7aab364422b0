"""Small textured photographs and objects, made here."""

import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco

from psccnet.synthesis import Objects, Photographs

NO_CAMERA = {"camera": {"share": 0.0}}
NO_WAY = {"last_mile": {"share": 0.0}}
HARD = {"seams": {"hard": 1.0, "feathered": 0.0}}
PLAIN_ENDING = {"ending": {"post": 0.0, "jpeg": 0.0}, **NO_WAY}


def texture(seed: int, height: int = 200, width: int = 176) -> np.ndarray:
    """A picture with structure at several scales, so that every paste shows."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.uniform(0, 255, (n, n, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        for n in (4, 12, 48)
    ]
    return np.clip(sum(layers) / 3 + rng.normal(0, 4, (height, width, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photographs, the last of them smaller than a sample."""
    path = tmp_path_factory.mktemp("photographs")
    for i in range(8):
        picture = texture(i) if i < 7 else texture(i, 90, 120)
        cv2.imwrite(str(path / f"photograph-{i}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return path


def run_lengths() -> dict[str, object]:
    """COCO's mask of a rectangle, x 30..79 and y 40..99, column by column, the first run pristine."""
    counts = [30 * 200 + 40]
    for _ in range(49):
        counts += [60, 140]
    return {"size": [200, 176], "counts": [*counts, 60, 200 * 176 - sum(counts) - 60]}


def packed_run_lengths() -> dict[str, object]:
    """The same as a string."""
    made = run_lengths()
    packed = coco.frPyObjects(made, 200, 176)
    return {"size": made["size"], "counts": packed["counts"].decode()}


@pytest.fixture(scope="session")
def objects_tar(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A polygon, two run-length masks, a label map and a cut-out, and annotations that must be skipped or left out."""
    path = tmp_path_factory.mktemp("objects")
    square = [20, 30, 80, 30, 80, 100, 20, 100]
    annotations = [
        {"image_id": 1, "segmentation": [square], "bbox": [20, 30, 60, 70]},
        {"image_id": 1, "segmentation": [[0, 0, 9, 0, 9, 9]], "bbox": [0, 0, 9, 9]},
        {"image_id": 1, "segmentation": run_lengths(), "bbox": [30, 40, 50, 60]},
        {"image_id": 1, "segmentation": packed_run_lengths(), "bbox": [30, 40, 50, 60]},
        {"image_id": 1, "segmentation": run_lengths(), "bbox": [30, 40, 50, 60], "iscrowd": 1},
        {"image_id": 1, "id": 77, "segmentation": [[150, 30, 190, 30, 190, 100]], "bbox": [150, 30, 40, 70]},
        {"image_id": 2, "segmentation": [square], "bbox": [20, 30, 60, 70]},
    ]
    images = [
        {"id": 1, "file_name": "photograph-0.jpg", "width": 176, "height": 200},
        {"id": 2, "file_name": "elsewhere.jpg"},
    ]
    (path / "instances.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    (path / "labels").mkdir()
    (path / "cutouts").mkdir()
    labels = np.zeros((200, 176), np.uint8)
    labels[50:120, 40:90], labels[120:180, 40:90] = 5, 9
    cv2.imwrite(str(path / "labels" / "photograph-1.png"), labels)
    cv2.imwrite(str(path / "labels" / "elsewhere.png"), labels)
    disc = cv2.circle(np.zeros((60, 60), np.uint8), (30, 30), 28, 255, -1)
    cv2.imwrite(str(path / "cutouts" / "disc.png"), np.dstack([texture(50, 60, 60), disc]))
    archive = path / "objects.tar"
    with tarfile.open(archive, "w") as tar:
        for name in ("instances.json", "labels", "cutouts"):
            tar.add(path / name, name)
    return archive


@pytest.fixture(scope="session")
def photographs(folder: Path) -> Photographs:
    return Photographs.open(folder)


@pytest.fixture(scope="session")
def objects(objects_tar: Path, photographs: Photographs) -> Objects:
    return Objects.open(objects_tar, photographs)
