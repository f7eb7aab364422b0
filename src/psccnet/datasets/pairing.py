"""Which mask belongs to which picture, told by their names; what cannot be told is named, never guessed by order."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from psccnet.errors import listed
from psccnet.pictures.picture_files import without_ending

HOW = "a mask is called NAME.png, NAME.jpg.png or NAME_mask.png (also _gt, _GT, _groundtruth), as its picture NAME.jpg"
_WORD = r"(?:gt|masks?|msk|groundtruth|ground[_\- ]truth|truth)"
_SUFFIX = re.compile(rf"[_\-. ]{_WORD}$", re.IGNORECASE)
_PREFIX = re.compile(rf"(?:^|(?<=/)){_WORD}[_\-. ]", re.IGNORECASE)


class Pairs(NamedTuple):
    """What belongs together and what cannot be told.

    Attributes:
        masks: picture -> its mask.
        alone: pictures without a mask.
        spare: masks without a picture.
        doubtful: pictures and masks of which several fit -> why, in words.
    """

    masks: dict[Path, Path]
    alone: list[Path]
    spare: list[Path]
    doubtful: dict[Path, str]


def pair(pictures: Iterable[Path], pictures_root: Path, masks: Iterable[Path], masks_root: Path) -> Pairs:
    """Pair files whose paths below their roots differ by endings, by NFC and NFD, or by what masks are called after.

    Of several pictures, a mask belongs to those whose name is nearest to its own; upper and lower case tell names apart
    where they can.

    Args:
        pictures: below `pictures_root`.
        pictures_root: their folder.
        masks: below `masks_root`.
        masks_root: their folder.
    """
    tables = [_Table(pictures, pictures_root, fold) for fold in (str, str.casefold)]
    claims: dict[Path, list[Path]] = defaultdict(list)
    found = Pairs({}, [], [], {})
    for mask in masks:
        name = _name(mask, masks_root)
        claimed = next((hit for table in tables for hit in table.nearest(name)), [])
        if not claimed:
            found.spare.append(mask)
        elif len(claimed) > 1:
            names = listed(sorted(one.name for one in claimed))
            found.doubtful[mask] = (
                f"is a mask that fits several pictures: {names}; name it after one of them, with ending"
            )
            for picture in claimed:
                found.doubtful[picture] = f"shares the mask {mask.name} with another picture of its name"
        else:
            claims[claimed[0]].append(mask)
    for picture in tables[0].pictures:
        own = claims.get(picture, [])
        if picture in found.doubtful:
            continue
        if len(own) > 1:
            found.doubtful[picture] = f"has several masks: {listed(sorted(mask.name for mask in own))}; keep one"
        elif own:
            found.masks[picture] = own[0]
        else:
            found.alone.append(picture)
    return found


class _Table:
    """Pictures by their names, with and without ending."""

    def __init__(self, pictures: Iterable[Path], root: Path, fold: Callable[[str], str]) -> None:
        self.pictures = list(pictures)
        self._fold = fold
        self._whole: dict[str, list[Path]] = defaultdict(list)
        self._stem: dict[str, list[Path]] = defaultdict(list)
        for picture in self.pictures:
            name = fold(_name(picture, root))
            self._whole[name].append(picture)
            self._stem[without_ending(name)].append(picture)

    def nearest(self, mask: str) -> Iterable[list[Path]]:
        """The pictures that a mask's name fits, the strictest way first; only ways that fit."""
        stem = self._fold(without_ending(mask))
        bare = bare_name(stem)
        inner = bare_name(without_ending(bare))
        ways = ((self._whole, stem), (self._stem, stem), (self._whole, bare), (self._stem, bare), (self._stem, inner))
        return (table[key] for table, key in ways if key in table)


def bare_name(stem: str) -> str:
    """A mask's path without its ending and without what says that it is a mask: "a/b_gt" is "a/b"."""
    without = _SUFFIX.sub("", stem)
    return without if without != stem else _PREFIX.sub("", stem)


def _name(path: Path, root: Path) -> str:
    # macOS writes é as e and an accent, others as one letter.
    return normalize("NFC", path.relative_to(root).as_posix())
