"""Objects to paste: annotated objects of photographs, and pictures with an alpha channel."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

import cv2
import numpy as np

from psccnet.datasets.annotations import MIN_SIDE, Polygons, RunLength, read_annotations
from psccnet.datasets.archives import StoredFile, list_files
from psccnet.datasets.photographs import Photographs
from psccnet.errors import InputError, UnusableFileError
from psccnet.pictures.sample import Picture
from psccnet.synthesis.transforms import MARGIN, Alpha, tight_crop

_ATTEMPTS = 32
_WHOLE_SHARE = 0.5
_Object = tuple[Picture, Alpha]
_ANNOTATIONS = re.compile(r"instances.*\.json")


@dataclass(frozen=True)
class _File:
    """An object, or objects, in a separate file."""

    file: StoredFile
    name: str

    def digest(self) -> bytes:
        return f"{self.name} {self.file.length()}".encode()


@dataclass(frozen=True)
class _Labels(_File):
    """A pixel-label map of photograph `photograph`; 0 is background."""

    photograph: int


@dataclass(frozen=True)
class _Cutout(_File):
    """A picture with an alpha channel."""


class Objects:
    """A library of objects to paste, drawn at random at their native resolution.

    Attributes:
        left_out: the reason for each object or file that could not be used, by name; grows while objects are drawn.
    """

    def __init__(
        self, photographs: Photographs, entries: list["_Entry"], left_out: dict[str, str] | None = None
    ) -> None:
        """Make a library of entries; use `open` to find them."""
        self._photographs = photographs
        self._entries = entries
        self.left_out = left_out or {}

    @classmethod
    def open(cls, path: str | Path, photographs: Photographs) -> Self:
        """Find the objects of `photographs` in a folder or a tar archive.

        Args:
            path: a folder or tar with any of `instances*.json` (COCO polygons and run-length masks),
                `labels/NAME.png` (label maps of the photograph NAME.jpg) and `cutouts/*.png` (RGBA); or a COCO
                annotation file.
            photographs: the pool; objects of other photographs are left out, so that splits stay separate. Cut-outs
                belong to no photograph: a tenth of them is in the split "validation", the others in all other splits.

        Raises:
            MissingFileError: `path` does not exist.
            InputError: no usable object was found, or annotations are not COCO JSON.
        """
        path = Path(path)
        entries: list[_Entry] = []
        left_out: dict[str, str] = {}
        files = [(path.name, StoredFile(str(path)))] if path.suffix == ".json" else list_files(path)
        for name, file in sorted(files, key=lambda item: item[0]):
            place = PurePosixPath(name)
            if _ANNOTATIONS.fullmatch(place.name) or path.suffix == ".json":
                found, faults = read_annotations(file, name, photographs)
                entries += found
                left_out |= faults
            elif place.suffix == ".png" and place.parent.name == "labels":
                photograph = photographs.find(f"{place.stem}.jpg")
                if photograph is not None:
                    entries.append(_Labels(file, name, photograph))
            elif place.suffix == ".png" and place.parent.name == "cutouts" and _in_split(place.stem, photographs.split):
                entries.append(_Cutout(file, name))
        if not entries:
            name, reason = next(iter(left_out.items()), ("", ""))
            why = f": {len(left_out)} are left out, such as {name}, which {reason}" if left_out else ""
            raise InputError(f"no objects for these photographs under {path}{why}")
        return cls(photographs, entries, left_out)

    def __len__(self) -> int:
        """Return the number of annotations, label maps and cut-outs."""
        return len(self._entries)

    def fingerprint(self) -> str:
        """A SHA-256 of all annotations and of the names and sizes of the other files."""
        digest = hashlib.sha256()
        for entry in self._entries:
            digest.update(entry.digest())
        return digest.hexdigest()

    def draw(self, rng: np.random.Generator) -> _Object:
        """Draw an object at native resolution.

        Returns:
            hxwx3 uint8 RGB and hxw float32 alpha in 0..1, cropped to the object and a margin of 8 pixels.

        Raises:
            InputError: the library has hardly any object that is readable and large enough.
        """
        for _ in range(_ATTEMPTS):
            try:
                picture, alpha = self._read(self._entries[int(rng.integers(len(self._entries)))], rng)
            except UnusableFileError as error:
                self.left_out[error.name] = error.reason
                continue
            box = cv2.boundingRect((alpha > 0.5).astype(np.uint8))
            if min(box[2:]) >= MIN_SIDE:
                return tight_crop(picture, alpha)
        raise InputError(f"found no object of at least {MIN_SIDE} pixels in {_ATTEMPTS} draws")

    def _read(self, entry: "_Entry", rng: np.random.Generator) -> _Object:
        if isinstance(entry, _Cutout):
            return _read_cutout(entry)
        picture = self._photographs.read(entry.photograph)
        if isinstance(entry, Polygons):
            if entry.size is not None and entry.size != picture.shape[1::-1]:
                size = f"{entry.size[0]} x {entry.size[1]}"
                found = f"{picture.shape[1]} x {picture.shape[0]}"
                raise UnusableFileError(entry.name, f"is annotated for {size}, but the picture is {found}")
            canvas = np.zeros(picture.shape[:2], np.uint8)
            parts = [np.round(part.reshape(-1, 2)).astype(np.int32) for part in entry.parts]
            cv2.fillPoly(canvas, parts, 1)
            return picture, canvas.astype(np.float32)
        if isinstance(entry, RunLength):
            return picture, _decode_run_length(entry, picture)
        labels = _decode(entry.file, entry.name, lambda a: a.shape == picture.shape[:2])
        present = np.unique(labels[labels > 0])
        if present.size == 0 or rng.random() < _WHOLE_SHARE:
            return picture, (labels > 0).astype(np.float32)
        return picture, (labels == rng.choice(present)).astype(np.float32)


def _in_split(name: str, split: str | None) -> bool:
    for_validation = hashlib.sha256(name.encode()).digest()[0] % 10 == 0
    return split is None or for_validation == (split == "validation")


_Entry = Polygons | RunLength | _Labels | _Cutout


def _decode_run_length(entry: RunLength, picture: Picture) -> Alpha:
    from pycocotools import mask as coco

    if (entry.height, entry.width) != picture.shape[:2]:
        raise UnusableFileError(
            entry.name,
            f"its mask is {entry.width} x {entry.height}, but the picture {picture.shape[1]} x {picture.shape[0]}",
        )
    size = [entry.height, entry.width]
    if isinstance(entry.counts, bytes):
        packed = {"size": size, "counts": entry.counts}
    else:
        if sum(entry.counts) != entry.height * entry.width:
            raise UnusableFileError(entry.name, "its runs do not add up to the picture")
        packed = coco.frPyObjects({"size": size, "counts": list(entry.counts)}, *size)
    return np.asarray(coco.decode(packed), np.float32)


def _decode(file: StoredFile, name: str, valid: Callable[[Picture], bool]) -> Picture:
    try:
        data = file.read()
    except OSError as error:
        raise UnusableFileError(name, f"cannot be read ({error.strerror})") from error
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except cv2.error:  # the header announces more pixels than OpenCV accepts
        decoded = None
    if decoded is None or not valid(np.asarray(decoded, np.uint8)):
        raise UnusableFileError(name, "not a readable picture of the expected size and channels")
    return np.asarray(decoded, np.uint8)


def _read_cutout(entry: _Cutout) -> _Object:
    bgra = _decode(entry.file, entry.name, lambda a: a.ndim == 3 and a.shape[2] == 4)
    bgra = np.pad(bgra, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)))
    alpha = bgra[..., 3].astype(np.float32) / 255
    rgb = bgra[..., 2::-1].astype(np.float32)
    # Transparent pixels have arbitrary colours, which a feathered seam would show: replace them by nearby colours.
    weight = cv2.GaussianBlur(alpha, (0, 0), 4)[..., None]
    spread = cv2.GaussianBlur(rgb * alpha[..., None], (0, 0), 4) / np.maximum(weight, 1e-4)
    picture = np.where(alpha[..., None] > 0.5, rgb, spread)
    return np.rint(picture).clip(0, 255).astype(np.uint8), np.asarray(alpha, np.float32)
