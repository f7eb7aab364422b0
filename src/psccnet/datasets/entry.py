"""One picture of a data set with its ground truth, and what was wrong with the others."""

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

    def truth(self, height: int, width: int, orientation: int = 1) -> Mask:
        """The ground truth of a picture as it is seen: (height, width), true where forged.

        Args:
            height: of the picture, upright, in pixels.
            width: of the picture, upright, in pixels.
            orientation: EXIF's of the picture, 1..8; masks are drawn on the stored pixels, unless their size says that
                they are drawn upright.

        Raises:
            PictureError: if a mask cannot be read, is of another size and not known to be the picture's, or does not
                say what the entry says.
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
                f"{self.mask}: marks {100 * truth.mean():.1f} % as forged, but {self.id} is listed as pristine; mend"
                " one of them."
            )
        if truth.any() and not told_by_size(height, width, orientation):
            _say_how_turned(self.set)
        return truth

    def read(self, max_pixels: int = MAX_PIXELS) -> Sample:
        """Decode picture and mask, both upright by the picture's EXIF orientation.

        Args:
            max_pixels: refuse larger pictures.

        Raises:
            PictureError: if one of them cannot be read or they do not fit.
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
def _say_how_turned(of: str) -> None:
    """Say once of a data set what was assumed."""
    _log.warning(
        "%s: pictures with an EXIF orientation have masks whose size does not show whether they are drawn on the stored"
        " pixels or upright; they are taken as drawn on the stored pixels.",
        of or "the list",
    )


def kinds_of_masks(masks: Sequence[Path], rule: MaskRule) -> list[str]:
    """What pictures with these masks are where nothing else tells: pristine if the mask marks nothing."""

    def kind(mask: Path) -> str:
        try:
            return "pristine" if marks_nothing(mask, rule) else UNSPECIFIED
        except (PictureError, MissingFileError):
            return UNSPECIFIED  # reading it will say what is wrong with it

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
        elif entry.id in self._taken:
            first = self._taken[entry.id]
            if first == entry:
                self.problems.append(Problem("twice", entry.id, "is listed twice; taken once"))
                return
            # Which of them is right cannot be told.
            self.entries = [one for one in self.entries if one is not first]
            text = "is listed twice, with different masks or kinds; left out"
            self.problems.append(Problem("twice", entry.id, text))
        else:
            self._taken[entry.id] = entry
            self.entries.append(entry)

    @property
    def faults(self) -> list[Problem]:
        """The problems that keep pictures from being used."""
        return [problem for problem in self.problems if problem.left_out]

    def __post_init__(self) -> None:
        self._taken = {entry.id: entry for entry in self.entries}
