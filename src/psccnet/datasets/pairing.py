"""Pair pictures and masks by their names, never by their order; ambiguous files are reported."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from psccnet.errors import listed
from psccnet.pictures.picture_files import without_ending

HOW = "the mask of NAME.jpg is called NAME.png, NAME.jpg.png or NAME_mask.png (also _gt, _GT, _groundtruth)"
_WORD = r"(?:gt|masks?|msk|groundtruth|ground[_\- ]truth|truth)"
_SUFFIX = re.compile(rf"[_\-. ]{_WORD}$", re.IGNORECASE)
_PREFIX = re.compile(rf"(?:^|(?<=/)){_WORD}[_\-. ]", re.IGNORECASE)


class Pairs(NamedTuple):
    """Pictures with their masks, and files without a partner.

    Attributes:
        masks: the mask of each picture that has one.
        alone: pictures without a mask.
        spare: masks without a picture.
        doubtful: for pictures and masks with several possible partners, what is ambiguous.
    """

    masks: dict[Path, Path]
    alone: list[Path]
    spare: list[Path]
    doubtful: dict[Path, str]


def pair(pictures: Iterable[Path], pictures_root: Path, masks: Iterable[Path], masks_root: Path) -> Pairs:
    """Pair pictures and masks whose relative paths are equal up to the ending, Unicode form, and words such as "_mask".

    If several pictures fit, the one with the most similar name is taken. Names are compared with case first, then
    without.

    Args:
        pictures: below `pictures_root`.
        pictures_root: their folder.
        masks: below `masks_root`.
        masks_root: their folder.

    Examples:
        >>> root = Path("set")
        >>> pictures = [root / "images/a.jpg", root / "images/b.jpg"]
        >>> found = pair(pictures, root / "images", [root / "masks/a_mask.png"], root / "masks")
        >>> [(picture.name, mask.name) for picture, mask in found.masks.items()]
        [('a.jpg', 'a_mask.png')]
        >>> [picture.name for picture in found.alone]
        ['b.jpg']
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
            names = listed(sorted(picture.name for picture in claimed))
            found.doubtful[mask] = (
                f"is a mask that fits several pictures: {names}; give it the full name of one of them"
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
    """Look-up of pictures by name, with and without the ending."""

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
        """The pictures that fit a mask's name: one list for each rule with a match, the strictest rule first."""
        stem = self._fold(without_ending(mask))
        bare = bare_name(stem)
        inner = bare_name(without_ending(bare))
        rules = ((self._whole, stem), (self._stem, stem), (self._whole, bare), (self._stem, bare), (self._stem, inner))
        return (table[key] for table, key in rules if key in table)


def bare_name(stem: str) -> str:
    """A mask's path without ending, also without a word such as "_gt" or "_mask": "a/b_gt" becomes "a/b".

    Examples:
        >>> bare_name("a/b_gt"), bare_name("a/mask_b"), bare_name("a/b")
        ('a/b', 'a/b', 'a/b')
    """
    without = _SUFFIX.sub("", stem)
    return without if without != stem else _PREFIX.sub("", stem)


def _name(path: Path, root: Path) -> str:
    # macOS stores é as two characters, other systems as one.
    return normalize("NFC", path.relative_to(root).as_posix())
