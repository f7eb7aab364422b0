"""One picture of a data set with its ground truth, and what was wrong with the others."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from psccnet.pictures.decoding import MAX_PIXELS, PictureError, decode
from psccnet.pictures.masks import MaskRule, read_mask
from psccnet.pictures.sample import Mask, Sample

UNSPECIFIED = "unspecified"
"""The manipulation of a forged picture whose data set does not say which it is."""


@dataclass(frozen=True)
class Entry:
    """One picture with its ground truth.

    Attributes:
        id: unique within its data set: the path of the picture below the set's folder.
        image: path of the picture.
        mask: path of the ground truth, or None for a pristine picture.
        manipulation: "pristine", "splicing", "copy-move", "removal" or another name.
        set: name of the data set, or "".
        rule: how the mask's file says what is forged.
        resize: whether a mask of another size than the picture is known to be the picture's, and is resized.
        more_masks: further masks of the same picture; what any of them marks is forged.
    """

    id: str
    image: Path
    mask: Path | None
    manipulation: str
    set: str = ""
    rule: MaskRule = "white"
    resize: bool = False
    more_masks: tuple[Path, ...] = ()

    @property
    def forged(self) -> bool:
        """Whether the picture was manipulated."""
        return self.manipulation != "pristine"

    def truth(self, height: int, width: int) -> Mask:
        """The ground truth of a picture of that size: (height, width), true where forged.

        Raises:
            PictureError: if a mask cannot be read, or is of another size and not known to be the picture's.
            MissingFileError: if there is no such file.
        """
        truth = np.zeros((height, width), np.bool_)
        for mask in (self.mask, *self.more_masks):
            if mask is not None:
                truth |= read_mask(mask, height, width, self.rule, self.resize)
        return truth

    def read(self, max_pixels: int = MAX_PIXELS) -> Sample:
        """Decode picture and mask, as they are stored (EXIF orientation is ignored: masks are drawn so).

        Args:
            max_pixels: refuse larger pictures.

        Raises:
            PictureError: if one of them cannot be read or they do not fit.
            MissingFileError: if there is no such file.
        """
        image = decode(self.image, max_pixels, upright=False).pixels
        truth = self.truth(*image.shape[:2])
        if self.forged and not truth.any():
            raise PictureError(f"{self.mask}: the mask marks nothing as forged; its values must be 0 and 255.")
        return Sample(image, truth, self.forged, self.manipulation, self.id, str(self.image))


ProblemKind = Literal["no mask", "no picture", "another size", "unreadable", "twice", "outside", "repaired", "unknown"]


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file of a data set.

    Attributes:
        kind: "repaired" is mended on reading; the pictures of all other kinds are left out.
        file: which.
        text: what is wrong, in words.
    """

    kind: ProblemKind
    file: str
    text: str

    def __str__(self) -> str:
        """The file and what is wrong with it."""
        return f"{self.file} {self.text}"

    @property
    def left_out(self) -> bool:
        """Whether it keeps a picture from being used."""
        return self.kind != "repaired"


@dataclass
class Found:
    """The usable pictures of a data set in a folder, and what was wrong with the others."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Take an entry, unless its mask is missing or its id is taken."""
        if entry.forged and entry.mask is None:
            self.problems.append(Problem("no mask", entry.id, "has no mask"))
        elif any(mask is not None and not mask.is_file() for mask in (entry.mask, *entry.more_masks)):
            self.problems.append(Problem("no mask", entry.id, f"its mask {entry.mask} does not exist"))
        elif entry.id in self._ids:
            self.problems.append(Problem("twice", entry.id, "is listed twice; the first is kept"))
        else:
            self._ids.add(entry.id)
            self.entries.append(entry)

    @property
    def faults(self) -> list[Problem]:
        """The problems that keep pictures from being used."""
        return [problem for problem in self.problems if problem.left_out]

    def __post_init__(self) -> None:
        self._ids = {entry.id for entry in self.entries}
