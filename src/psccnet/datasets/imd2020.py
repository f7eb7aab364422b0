"""IMD2020, real-life manipulated images: 2,010 forged pictures from the Internet and their 414 originals."""

from pathlib import Path

from psccnet.datasets.entry import UNSPECIFIED, Entry, Found
from psccnet.datasets.folders import identifier, pictures_below

RESIZED = frozenset(("z14/00030_fake",))
"""Pictures whose masks have another size (source: SunnyHaze/IML-Dataset-Corrections)."""


def find_imd2020(root: Path) -> Found:
    """Find in each folder `NAME_orig.jpg` and its forgeries `NAME_0.jpg` or `.png`, ... with `NAME_0_mask.png`, ..."""
    found = Found()
    paths = pictures_below(root)
    masks = {path.with_name(path.stem.removesuffix("_mask")): path for path in paths if path.stem.endswith("_mask")}
    for path in paths:
        if path.stem.endswith("_mask"):
            continue
        bare = path.with_suffix("")
        kind = "pristine" if path.stem.endswith("_orig") else UNSPECIFIED
        resize = "/".join(bare.parts[-2:]) in RESIZED
        mask = masks.get(bare) if kind != "pristine" else None
        found.add(Entry(identifier(path, root), path, mask, kind, "imd2020", resize=resize))
    return found
