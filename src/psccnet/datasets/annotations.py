"""COCO annotations: the outlines of objects on photographs."""

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from psccnet.datasets.archives import StoredFile
from psccnet.datasets.photographs import Photographs

MIN_SIDE = 24
"""Objects with a shorter side, in pixels, are not used."""


@dataclass(frozen=True)
class Polygons:
    """An annotation in COCO's manner: the parts of one object of photograph `photograph`."""

    photograph: int
    parts: tuple[npt.NDArray[np.float32], ...]
    size: tuple[int, int] | None
    name: str

    def digest(self) -> bytes:
        """Bytes that tell the annotation from others."""
        return b"".join(part.tobytes() for part in self.parts)


@dataclass(frozen=True)
class RunLength:
    """An annotation in COCO's manner: the run-length mask, height x width, of one object of a photograph."""

    photograph: int
    counts: bytes | tuple[int, ...]
    height: int
    width: int
    name: str

    def digest(self) -> bytes:
        """Bytes that tell the annotation from others."""
        return str(self.counts).encode()


Annotation = Polygons | RunLength


def read_annotations(file: StoredFile, name: str, photographs: Photographs) -> tuple[list[Annotation], dict[str, str]]:
    """The usable annotations of a COCO file, and why others were left out, by their names.

    Raises:
        ValueError: if the file is no COCO JSON; the message names it.
    """
    found: list[Annotation] = []
    left_out: dict[str, str] = {}
    try:
        coco = json.loads(file.read())
        images = {image["id"]: image for image in coco["images"]}
        for number, annotation in enumerate(coco["annotations"]):
            image = images[annotation["image_id"]]
            photograph = photographs.find(image["file_name"])
            # A crowd is no object.
            if photograph is None or annotation.get("iscrowd") or min(annotation["bbox"][2:]) < MIN_SIDE:
                continue
            where = f"{name}, annotation {annotation.get('id', number)} of {image['file_name']}"
            shape = annotation["segmentation"]
            if isinstance(shape, dict):
                height, width = (int(side) for side in shape["size"])
                counts = shape["counts"]
                packed = counts.encode() if isinstance(counts, str) else tuple(counts)
                found.append(RunLength(photograph, packed, height, width, where))
                continue
            parts = tuple(np.asarray(part, np.float32) for part in shape)
            size = (image["width"], image["height"]) if "width" in image and "height" in image else None
            fault = _fault(parts, size)
            if fault:
                left_out[where] = fault
            else:
                found.append(Polygons(photograph, parts, size, where))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{name}: no COCO annotations ({type(error).__name__}: {error})") from error
    return found, left_out


def _fault(parts: tuple[npt.NDArray[np.float32], ...], size: tuple[int, int] | None) -> str | None:
    """What is wrong with the polygons of an object on a picture of that size (width, height), if it is known."""
    if not parts or any(part.ndim != 1 or part.size < 6 or part.size % 2 for part in parts):
        return "is no polygon"
    points = np.concatenate(parts).reshape(-1, 2)
    if size is not None and ((points < -1).any() or (points > np.add(size, 1)).any()):
        return f"reaches outside the picture of {size[0]} x {size[1]}"
    return None
