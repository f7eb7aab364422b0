"""COVERAGE: 100 copy-moves and their originals."""

import re
from pathlib import Path

from psccnet.datasets.entry import Entry, Found
from psccnet.datasets.folders import by_stem, identifier, named, pictures_below

TEST = frozenset((4, 6, 11, 12, 15, 18, 22, 26, 29, 32, 40, 44, 48, 59, 62, 68, 75, 76, 77, 78, 79, 80, 82, 84, 87))
"""Numbers of the 25 pictures for testing fine-tuned models (Table I), from the released repository."""
RESIZED = frozenset((41, 48, 55, 56, 57, 58, 59, 61, 95))
"""Numbers of pictures whose masks have another size (source: SunnyHaze/IML-Dataset-Corrections)."""
_NAME = re.compile(r"(\d+)(t?)")


def find_coverage(root: Path) -> Found:
    """Find forged pictures, such as `image/7t.tif` with `mask/7forged.tif`, and originals, such as `image/7.tif`."""
    found = Found()
    masks = {
        stem: path
        for folder in named(root, "mask")
        for stem, path in by_stem(pictures_below(folder), found, root).items()
    }
    for folder in named(root, "image"):
        for path in pictures_below(folder):
            name = _NAME.fullmatch(path.stem)
            if name is None:
                continue
            number, forged = int(name[1]), bool(name[2])
            mask = masks.get(f"{number}forged") if forged else None
            kind = "copy-move" if forged else "pristine"
            found.add(Entry(identifier(path, root), path, mask, kind, "coverage", resize=forged and number in RESIZED))
    return found


def split_of_coverage(entry: Entry) -> str:
    """Table I's split: "test" or "train"; a forged picture and its original are in the same part.

    Examples:
        >>> split_of_coverage(Entry("4t.tif", Path("image/4t.tif"), None, "copy-move"))
        'test'
    """
    name = _NAME.fullmatch(entry.image.stem)
    return "test" if name is not None and int(name[1]) in TEST else "train"
