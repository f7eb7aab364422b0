"""Cut-out material: annotated objects of photographs, and pictures with an alpha channel."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

import cv2
import numpy as np

from psccnet.datasets.sample import Picture
from psccnet.synthesis.files import StoredFile, list_files
from psccnet.synthesis.photographs import Photographs
from psccnet.synthesis.transforms import MARGIN, Alpha, tight_crop

MIN_SIDE = 24
"""Objects with a shorter side, in pixels, are not used."""
_ATTEMPTS = 32
_WHOLE_SHARE = 0.5
_Object = tuple[Picture, Alpha]


@dataclass(frozen=True)
class _Polygons:
    """An annotation in COCO's manner: the parts of one object of photograph `photograph`."""

    photograph: int
    parts: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class _Labels:
    """A pixel-label map of photograph `photograph`; 0 is background."""

    photograph: int
    file: StoredFile
    name: str


@dataclass(frozen=True)
class _Cutout:
    """A picture with an alpha channel."""

    file: StoredFile
    name: str


class Objects:
    """A library of objects to paste, drawn at random at their native resolution."""

    def __init__(self, photographs: Photographs, entries: list[_Polygons | _Labels | _Cutout]) -> None:
        """Make a library of entries; `open` is the usual way to one."""
        self._photographs = photographs
        self._entries = entries

    @classmethod
    def open(cls, path: str | Path, photographs: Photographs) -> Self:
        """Find the cut-out material of `photographs` in a folder or a tar archive.

        Args:
            path: holds any of `instances.json` (COCO polygons), `labels/NAME.png` (label maps of the
                photograph NAME.jpg) and `cutouts/*.png` (RGBA).
            photographs: the pool; objects of photographs outside it are left out, so that splits stay apart.

        Raises:
            FileNotFoundError: there is nothing at `path`.
            ValueError: no usable object was found.
        """
        entries: list[_Polygons | _Labels | _Cutout] = []
        for name, file in sorted(list_files(Path(path))):
            place = PurePosixPath(name)
            if place.name == "instances.json":
                entries += _polygons(json.loads(file.read()), photographs)
            elif place.suffix == ".png" and place.parent.name == "labels":
                photograph = photographs.find(f"{place.stem}.jpg")
                if photograph is not None:
                    entries.append(_Labels(photograph, file, name))
            elif place.suffix == ".png" and place.parent.name == "cutouts":
                entries.append(_Cutout(file, name))
        if not entries:
            raise ValueError(f"no objects for these photographs under {path}")
        return cls(photographs, entries)

    def __len__(self) -> int:
        """Return the number of annotations, label maps and cut-outs."""
        return len(self._entries)

    def draw(self, rng: np.random.Generator) -> _Object:
        """Draw an object at native resolution.

        Returns:
            hxwx3 uint8 RGB and hxw float32 alpha in 0..1, cut to the object and a margin of 8 pixels.

        Raises:
            ValueError: a file is unreadable, or the library has hardly any object of a usable size.
        """
        for _ in range(_ATTEMPTS):
            picture, alpha = self._read(self._entries[int(rng.integers(len(self._entries)))], rng)
            box = cv2.boundingRect((alpha > 0.5).astype(np.uint8))
            if min(box[2:]) >= MIN_SIDE:
                return tight_crop(picture, alpha)
        raise ValueError(f"found no object of at least {MIN_SIDE} pixels in {_ATTEMPTS} draws")

    def _read(self, entry: _Polygons | _Labels | _Cutout, rng: np.random.Generator) -> _Object:
        if isinstance(entry, _Cutout):
            return _read_cutout(entry)
        picture = self._photographs.read(entry.photograph)
        if isinstance(entry, _Polygons):
            canvas = np.zeros(picture.shape[:2], np.uint8)
            parts = [np.round(np.reshape(part, (-1, 2))).astype(np.int32) for part in entry.parts]
            cv2.fillPoly(canvas, parts, 1)
            return picture, canvas.astype(np.float32)
        labels = _decode(entry.file, entry.name, lambda a: a.shape == picture.shape[:2])
        present = np.unique(labels[labels > 0])
        if present.size == 0 or rng.random() < _WHOLE_SHARE:
            return picture, (labels > 0).astype(np.float32)
        return picture, (labels == rng.choice(present)).astype(np.float32)


def _polygons(coco: dict[str, Any], photographs: Photographs) -> list[_Polygons]:
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    found = []
    for annotation in coco["annotations"]:
        photograph = photographs.find(names[annotation["image_id"]])
        parts = annotation["segmentation"]
        # Run-length masks mark crowds, which are no objects.
        if photograph is None or not isinstance(parts, list) or min(annotation["bbox"][2:]) < MIN_SIDE:
            continue
        found.append(_Polygons(photograph, tuple(tuple(part) for part in parts)))
    return found


def _decode(file: StoredFile, name: str, valid: Callable[[Picture], bool]) -> Picture:
    decoded = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or not valid(np.asarray(decoded, np.uint8)):
        raise ValueError(f"not the picture it should be: {name}")
    return np.asarray(decoded, np.uint8)


def _read_cutout(entry: _Cutout) -> _Object:
    bgra = _decode(entry.file, entry.name, lambda a: a.ndim == 3 and a.shape[2] == 4)
    bgra = np.pad(bgra, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)))
    alpha = bgra[..., 3].astype(np.float32) / 255
    rgb = bgra[..., 2::-1].astype(np.float32)
    # Transparent pixels have arbitrary colours, which a feathered seam would show: continue the object's own.
    weight = cv2.GaussianBlur(alpha, (0, 0), 4)[..., None]
    spread = cv2.GaussianBlur(rgb * alpha[..., None], (0, 0), 4) / np.maximum(weight, 1e-4)
    picture = np.where(alpha[..., None] > 0.5, rgb, spread)
    return np.rint(picture).clip(0, 255).astype(np.uint8), np.asarray(alpha, np.float32)
