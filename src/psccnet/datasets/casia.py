"""CASIA Image Tampering Detection Evaluation Database, v1.0 and v2.0, and the paper's CASIA-D."""

import re
from collections import defaultdict
from pathlib import Path

from psccnet.datasets.entry import Entry, Found, Problem
from psccnet.datasets.folders import identifier, pictures_below
from psccnet.pictures.whole_files import read_text

RESIZED = frozenset(
    ("01602", "11912", "11913", "01654", "01883", "01778", "00751", "01719", "01971", "20010", "02316", "01980")
)
"""Last numbers of v2.0 pictures whose masks have another size; these masks are resized. Source:
SunnyHaze/IML-Dataset-Corrections, without its five masks that were turned by 90 degrees: the direction is unknown."""
_KINDS = {"S": "copy-move", "D": "splicing"}
_FORGED = re.compile(r"(?P<prefix>Sp|Tp)_(?P<kind>[SD])_.*(?<!\d)(?P<number>\d{4,5})$")
_MASK_FOLDER = re.compile(r"\b(gt|masks?|ground ?truth)$")
_MASK_ENDING = re.compile(r"_gt\d*$")


def find_casia(root: Path, version: int) -> Found:
    """Find pictures whose names begin with Sp_ (v1.0) or Tp_ (v2.0), or with Au_, in any subfolder.

    Sp_S and Tp_S were pasted from the same picture (copy-move), Sp_D and Tp_D from a different one (splicing). Masks
    are NAME_gt.png, or NAME in a folder whose name ends in gt, mask or groundtruth. Many pictures were renamed after
    the masks were drawn. A picture without a mask of its name takes the mask with the same last number, if there is
    exactly one that no other picture has.
    """
    found = Found()
    prefix = "Sp" if version == 1 else "Tp"
    name = f"casia{version}"
    images: list[Path] = []
    masks: dict[str, Path] = {}
    for path in pictures_below(root):
        if _MASK_ENDING.search(path.stem) or _MASK_FOLDER.search(path.parent.name.lower()):
            masks[_MASK_ENDING.sub("", path.stem)] = path
        elif path.name.startswith((f"{prefix}_", "Au_")):
            images.append(path)
    stems = {path.stem for path in images}
    spare = defaultdict(list)
    for stem, path in masks.items():
        match = _FORGED.search(stem)
        if stem not in stems and match and match["prefix"] == prefix:
            spare[match["number"]].append((stem, path))
    for path in images:
        if path.name.startswith("Au_"):
            found.add(Entry(identifier(path, root), path, None, "pristine", name))
            continue
        match = _FORGED.search(path.stem)
        if match is None:
            found.problems.append(Problem("unknown", identifier(path, root), "has a name without a manipulation"))
            continue
        mask, kind = masks.get(path.stem), _KINDS[match["kind"]]
        candidates = spare[match["number"]]
        if mask is None and len(candidates) == 1:
            stem, mask = candidates.pop()
            renamed = _FORGED.search(stem)
            assert renamed is not None
            kind = _KINDS[renamed["kind"]]
            text = f"was renamed; its mask is {mask.name}"
            found.problems.append(Problem("repaired", identifier(path, root), text))
        resize = version == 2 and match["number"] in RESIZED
        found.add(Entry(identifier(path, root), path, mask, kind, name, resize=resize))
    return found


def find_casia1(root: Path) -> Found:
    """CASIA v1.0; see `find_casia`."""
    return find_casia(root, 1)


def find_casia2(root: Path) -> Found:
    """CASIA v2.0; see `find_casia`."""
    return find_casia(root, 2)


def find_casia_d(root: Path) -> Found:
    """Find CASIA-D (Section IV-A.1): the pictures listed in `authentic.txt` and `fake.txt`, one file name per line.

    The lists come with the released code; the pictures are those of v1.0 and v2.0, in any subfolder. About 28 pristine
    pictures are listed twice; each is taken once.
    """
    lists = {path.name: path for path in sorted(root.rglob("*.txt"))}
    wanted: dict[str, bool] = {}
    found = Found()
    for name, forged in (("authentic.txt", False), ("fake.txt", True)):
        if name not in lists:
            found.problems.append(
                Problem("no picture", name, "is missing: without this list no picture can be selected")
            )
            continue
        for line in read_text(lists[name]).split():
            if line in wanted:
                found.problems.append(Problem("twice", line, f"is listed twice in {name}; taken once"))
            wanted[line] = forged
    for part in (find_casia1(root), find_casia2(root)):
        for entry in part.entries:
            if wanted.pop(entry.image.name, None) is not None:
                found.add(Entry(entry.id, entry.image, entry.mask, entry.manipulation, "casia-d", resize=entry.resize))
        found.problems += [fault for fault in part.problems if wanted.pop(Path(fault.file).name, None) is not None]
    found.problems += [Problem("no picture", name, "is listed but missing") for name in wanted]
    return found
