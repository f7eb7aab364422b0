"""Read COCO annotations: the outlines of objects in photographs."""

import math
from collections.abc import Mapping
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
_MOST_PIXELS = 1 << 30
"""Run-length masks with more pixels than this are refused: no photograph is that large."""


@dataclass(frozen=True)
class Polygons:
    """A COCO annotation of one object as polygons, in pixels.

    Attributes:
        photograph: position in the pool of photographs.
        parts: (2n,) each: x and y of the corners, one after the other.
        size: width and height of the photograph, if the file gives them.
        name: of the annotation, for messages.
    """

    photograph: int
    parts: tuple[npt.NDArray[np.float32], ...]
    size: tuple[int, int] | None
    name: str

    def digest(self) -> bytes:
        """Bytes that tell the annotation from others."""
        return b"".join(part.tobytes() for part in self.parts)


@dataclass(frozen=True)
class RunLength:
    """A COCO annotation of one object as a run-length mask.

    Attributes:
        photograph: position in the pool of photographs.
        counts: run lengths, or COCO's compressed form of them.
        height: of the mask, in pixels.
        width: of the mask, in pixels.
        name: of the annotation, for messages.
    """

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
    """Read a COCO file.

    An annotation needs a picture and polygons or runs; its box may be missing. Annotations of photographs outside the
    pool, of crowds, and of objects smaller than `MIN_SIDE` are skipped.

    Returns:
        The usable annotations; and by name, why others were left out.

    Raises:
        InputError: if the file cannot be read or is not COCO JSON; the message names it.
    """
    with reading(Path(file.path)):
        data = file.read()
    coco = parse_json(data, name)
    images, annotations = (coco.get(part) if isinstance(coco, dict) else None for part in ("images", "annotations"))
    if not (isinstance(images, list) and isinstance(annotations, list)):
        raise InputError(f"{name}: not COCO annotations; give the instances file of the set.")
    files = _files(images)
    found: list[Annotation] = []
    left_out: dict[str, str] = {}
    for number, annotation in enumerate(annotations):
        about = _about(annotation, number, files)
        if about is None:
            left_out[f"{name}, annotation {number}"] = _ODD
            continue
        where = f"{name}, annotation {about.id} of {about.image.name}"
        photograph = photographs.find(about.image.name)
        if photograph is None or about.crowd:  # a crowd is not one object
            continue
        outline = _outline(annotation)
        fault = _ODD if outline is None else _fault(outline, about.image.size)
        if outline is None or fault:
            left_out[where] = fault or _ODD
        elif _shorter_side(annotation, outline) < MIN_SIDE:
            continue
        elif isinstance(outline, _Runs):
            found.append(RunLength(photograph, *outline, where))
        else:
            found.append(Polygons(photograph, outline, about.image.size, where))
    if left_out and len(left_out) == len(annotations) and set(left_out.values()) == {_ODD}:
        raise InputError(f"{name}: no annotation is of COCO's form; give the instances file of the set.")
    return found, left_out


_ODD = "is not of COCO's form"
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What look-ups in JSON of another form raise. A `try` with these must contain look-ups only."""


class _Image(NamedTuple):
    """A picture's file name, and its width and height if the file gives them."""

    name: str
    size: tuple[int, int] | None


def _files(images: list[Any]) -> Mapping[Any, _Image]:
    """The pictures by id, without those that are malformed or share an id."""
    files: dict[Any, _Image] = {}
    doubtful = set()
    for image in images:
        try:
            size = (int(image["width"]), int(image["height"])) if "width" in image and "height" in image else None
            made = _Image(str(image["file_name"]), size)
            if files.setdefault(image["id"], made) != made:
                doubtful.add(image["id"])
        except _MALFORMED:
            continue
    return {number: image for number, image in files.items() if number not in doubtful}


class _About(NamedTuple):
    """An annotation's id and picture, and whether it is of a crowd."""

    id: Any
    image: _Image
    crowd: bool


def _about(annotation: Any, number: int, files: Mapping[Any, _Image]) -> _About | None:
    try:
        return _About(annotation.get("id", number), files[annotation["image_id"]], bool(annotation.get("iscrowd")))
    except _MALFORMED:
        return None


class _Runs(NamedTuple):
    counts: bytes | tuple[int, ...]
    height: int
    width: int


_Outline = _Runs | tuple[npt.NDArray[np.float32], ...]


def _outline(annotation: Any) -> _Outline | None:
    try:
        shape = annotation["segmentation"]
        if isinstance(shape, dict):
            height, width = (int(side) for side in shape["size"])
            counts = shape["counts"]
            return _Runs(counts.encode("ascii") if isinstance(counts, str) else tuple(map(int, counts)), height, width)
        with np.errstate(over="ignore"):
            return tuple(np.asarray(part, np.float32) for part in shape)
    except _MALFORMED:
        return None


def _fault(outline: _Outline, size: tuple[int, int] | None) -> str | None:
    """What is wrong with an object in a picture of that size (width, height); None if nothing is."""
    if isinstance(outline, _Runs):
        return _runs_fault(outline)
    if not outline or any(part.ndim != 1 or part.size < 6 or part.size % 2 for part in outline):
        return "is not a polygon"
    points = np.concatenate(outline).reshape(-1, 2)
    if not np.isfinite(points).all() or (np.abs(points) > _MOST_PIXELS).any():
        return "has a coordinate that is not a number"
    if size is not None and ((points < -1).any() or (points > np.add(size, 1)).any()):
        return f"reaches outside the picture of {size[0]} x {size[1]}"
    return None


def _shorter_side(annotation: Any, outline: _Outline) -> float:
    """The shorter side of an object's box, in pixels; of its polygons if it has no box; infinity if unknown."""
    try:
        side = min(float(side) for side in annotation["bbox"][2:4])
    except _MALFORMED:
        side = math.nan
    if math.isfinite(side):
        return side
    return math.inf if isinstance(outline, _Runs) else float(np.ptp(np.concatenate(outline).reshape(-1, 2), 0).min())


def _runs_fault(runs: _Runs) -> str | None:
    """What is wrong with a run-length mask, which the decoder does not check; None if nothing is."""
    if not (runs.height > 0 and runs.width > 0 and runs.height * runs.width <= _MOST_PIXELS):
        return f"has a mask of {runs.width} x {runs.height}"
    counts = _unpacked(runs.counts) if isinstance(runs.counts, bytes) else runs.counts
    if counts is None or any(count < 0 for count in counts) or sum(counts) != runs.height * runs.width:
        return "its runs do not add up to the picture"
    return None


def _unpacked(packed: bytes) -> tuple[int, ...] | None:
    """Decode COCO's compressed runs: five bits per letter; from the fourth run on, differences to the last but one."""
    counts: list[int] = []
    at = 0
    while at < len(packed):
        value = shift = 0
        more = True
        while more:
            if at >= len(packed) or not 48 <= packed[at] < 112 or shift > 40:
                return None
            letter = packed[at] - 48
            value |= (letter & 31) << shift
            more = bool(letter & 32)
            at, shift = at + 1, shift + 5
            if not more and letter & 16:
                value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    return tuple(counts)
