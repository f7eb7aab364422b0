"""COCO annotations: the outlines of objects on photographs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from psccnet.datasets.archives import StoredFile
from psccnet.datasets.photographs import Photographs
from psccnet.errors import InputError
from psccnet.pictures.whole_files import parse_json, reading

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
        InputError: if the file cannot be read or is no COCO JSON; the message names it.
    """
    found: list[Annotation] = []
    left_out: dict[str, str] = {}
    with reading(Path(file.path)):
        data = file.read()
    coco = parse_json(data, name)
    try:
        images = {image["id"]: image for image in coco["images"]}
        annotations = list(coco["annotations"])
    except _MALFORMED as error:
        raise InputError(f"{name}: no COCO annotations; name the instances file of the set.") from error
    for number, annotation in enumerate(annotations):
        try:
            about = _about(annotation, images)
        except _MALFORMED as error:
            raise _refused(name, number) from error
        photograph = photographs.find(about.file)
        if photograph is None or about.useless:
            continue
        try:
            outline = _outline(annotation["segmentation"])
        except _MALFORMED as error:
            raise _refused(name, number) from error
        where = f"{name}, annotation {annotation.get('id', number)} of {about.file}"
        if isinstance(outline, _Runs):
            found.append(RunLength(photograph, *outline, where))
            continue
        fault = _fault(outline, about.size)
        if fault:
            left_out[where] = fault
        else:
            found.append(Polygons(photograph, outline, about.size, where))
    return found, left_out


_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What plain look-ups raise in JSON of another form; nothing but look-ups may stand in a `try` with them."""


def _refused(name: str, number: int) -> InputError:
    return InputError(f"{name}: annotation {number} is not of COCO's form; mend it, or leave it out.")


class _About(NamedTuple):
    """Which picture an annotation is of, its width and height if they are told, and whether it is of no use."""

    file: str
    size: tuple[int, int] | None
    useless: bool


def _about(annotation: Any, images: dict[Any, Any]) -> _About:
    image = images[annotation["image_id"]]
    size = (int(image["width"]), int(image["height"])) if "width" in image and "height" in image else None
    width, height = annotation["bbox"][2:]
    # A crowd is no object.
    useless = bool(annotation.get("iscrowd")) or min(float(width), float(height)) < MIN_SIDE
    return _About(str(image["file_name"]), size, useless)


class _Runs(NamedTuple):
    counts: bytes | tuple[int, ...]
    height: int
    width: int


def _outline(shape: Any) -> _Runs | tuple[npt.NDArray[np.float32], ...]:
    if isinstance(shape, dict):
        height, width = (int(side) for side in shape["size"])
        counts = shape["counts"]
        return _Runs(counts.encode() if isinstance(counts, str) else tuple(map(int, counts)), height, width)
    return tuple(np.asarray(part, np.float32) for part in shape)


def _fault(parts: tuple[npt.NDArray[np.float32], ...], size: tuple[int, int] | None) -> str | None:
    """What is wrong with the polygons of an object on a picture of that size (width, height), if it is known."""
    if not parts or any(part.ndim != 1 or part.size < 6 or part.size % 2 for part in parts):
        return "is no polygon"
    points = np.concatenate(parts).reshape(-1, 2)
    if not np.isfinite(points).all():
        return "has a point that is no number"
    if size is not None and ((points < -1).any() or (points > np.add(size, 1)).any()):
        return f"reaches outside the picture of {size[0]} x {size[1]}"
    return None
