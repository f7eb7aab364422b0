"""One picture of a data set with its ground truth, and the problems of a data set."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from psccnet.errors import MissingFileError, PictureError
from psccnet.pictures.decoding import MAX_PIXELS, decode
from psccnet.pictures.masks import MaskRule, marks_nothing, read_mask, told_by_size
from psccnet.pictures.sample import Mask, Sample

_log = logging.getLogger(__name__)

UNSPECIFIED = "unspecified"
"""The manipulation of a forged picture if its data set does not give it."""


@dataclass(frozen=True)
class Entry:
    """One picture with its ground truth.

    Attributes:
        id: unique within its data set: the picture's path relative to the set's folder.
        image: path of the picture.
        mask: path of the ground truth, or None for a pristine picture.
        manipulation: "pristine", "splicing", "copy-move", "removal" or another name.
        set: name of the data set, or "".
        rule: which pixels of the mask's file are forged.
        resize: resize a mask of another size; for pictures whose mask is known to have the wrong size.
        more_masks: further masks of the same picture; a pixel is forged if any mask marks it.
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

    def truth(self, height: int, width: int, orientation: int = 1) -> Mask:
        """Read the ground truth of the upright picture.

        Args:
            height: of the upright picture, in pixels.
            width: of the upright picture, in pixels.
            orientation: EXIF orientation of the picture, 1..8; see `psccnet.pictures.masks.placed`.

        Returns:
            (height, width) bool, true where forged.

        Raises:
            PictureError: if a mask cannot be read, has another size and `resize` is not set, or contradicts
                `manipulation`.
            MissingFileError: if there is no such file.
        """
        truth = np.zeros((height, width), np.bool_)
        masks = [mask for mask in (self.mask, *self.more_masks) if mask is not None]
        for mask in masks:
            truth |= read_mask(mask, height, width, self.rule, self.resize, orientation)
        if self.forged and not truth.any():
            raise PictureError(
                f"{self.mask}: marks nothing as forged, but {self.id} is listed as {self.manipulation}; draw the mask,"
                " or list the picture as pristine."
            )
        if not self.forged and truth.any():
            raise PictureError(
                f"{self.mask}: marks {100 * truth.mean():.1f} % as forged, but {self.id} is listed as pristine;"
                " correct one of them."
            )
        if truth.any() and not told_by_size(height, width, orientation):
            _warn_of_assumed_orientation(self.set)
        return truth

    def read(self, max_pixels: int = MAX_PIXELS) -> Sample:
        """Decode picture and mask, both upright by the picture's EXIF orientation.

        Args:
            max_pixels: larger pictures are refused.

        Raises:
            PictureError: if the picture or a mask cannot be read, or they do not fit.
            MissingFileError: if there is no such file.
        """
        decoded = decode(self.image, max_pixels)
        height, width = decoded.pixels.shape[:2]
        truth = self.truth(height, width, decoded.orientation)
        return Sample(
            decoded.pixels,
            truth,
            self.forged,
            self.manipulation,
            self.id,
            str(self.image),
            orientation=decoded.orientation,
            notes=decoded.notes,
        )


@cache
def _warn_of_assumed_orientation(data_set: str) -> None:
    """Warn once for each data set."""
    _log.warning(
        "%s: some pictures have an EXIF orientation, and the size of their masks does not show whether these follow the"
        " stored pixels or the upright picture; they are assumed to follow the stored pixels.",
        data_set or "the list",
    )


def kinds_of_masks(masks: Sequence[Path], rule: MaskRule) -> list[str]:
    """The manipulation of pictures, from their masks alone: "pristine" if a mask marks nothing, or `UNSPECIFIED`."""

    def kind(mask: Path) -> str:
        try:
            return "pristine" if marks_nothing(mask, rule) else UNSPECIFIED
        except (PictureError, MissingFileError):
            return UNSPECIFIED  # `Entry.truth` raises this error again when the mask is needed

    with ThreadPoolExecutor() as pool:
        return list(pool.map(kind, masks))


ProblemKind = Literal[
    "no mask",
    "no picture",
    "no pair",
    "another size",
    "unreadable",
    "not read",
    "twice",
    "outside",
    "odd",
    "repaired",
    "unknown",
]


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file of a data set.

    Attributes:
        kind: pictures of kind "repaired" are repaired on reading; those of all other kinds are left out.
        file: its name.
        text: what is wrong with it.
    """

    kind: ProblemKind
    file: str
    text: str

    def __str__(self) -> str:
        """The file's name and what is wrong with it."""
        return f"{self.file} {self.text}"

    @property
    def left_out(self) -> bool:
        """Whether the picture is left out because of it."""
        return self.kind != "repaired"


@dataclass
class Found:
    """The usable pictures of a data set in a folder, and the problems of the others."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Add an entry, unless its mask is missing or its id exists already."""
        if entry.forged and entry.mask is None:
            self.problems.append(Problem("no mask", entry.id, "has no mask"))
        elif any(mask is not None and not mask.is_file() for mask in (entry.mask, *entry.more_masks)):
            self.problems.append(Problem("no mask", entry.id, f"its mask {entry.mask} does not exist"))
        elif entry.id in self._taken:
            first = self._taken[entry.id]
            if first == entry:
                self.problems.append(Problem("twice", entry.id, "is listed twice; taken once"))
                return
            # It is unknown which of the two is right.
            self.entries = [kept for kept in self.entries if kept is not first]
            text = "is listed twice, with different masks or kinds; left out"
            self.problems.append(Problem("twice", entry.id, text))
        else:
            self._taken[entry.id] = entry
            self.entries.append(entry)

    @property
    def faults(self) -> list[Problem]:
        """The problems because of which pictures are left out."""
        return [problem for problem in self.problems if problem.left_out]

    def __post_init__(self) -> None:
        self._taken = {entry.id: entry for entry in self.entries}
