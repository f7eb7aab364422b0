"""Looking for files in folders that were unpacked in one of several ways; and plain folders as a data set."""

from collections.abc import Iterator
from pathlib import Path

from psccnet.datasets.entry import UNSPECIFIED, Entry, Found, Problem

PICTURES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"}
"""Endings of pictures, in lower case."""
MASK_ENDINGS = ("", "_gt", "_mask")
"""What a mask's name has after its picture's."""


def pictures_below(folder: Path) -> list[Path]:
    """All pictures in a folder and those below it, sorted; files that begin with a dot are none."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURES and not path.name.startswith(".") and path.is_file()
    )


def named(root: Path, name: str) -> Iterator[Path]:
    """The folders called `name`, in upper or lower case, at or below `root`, outer ones first."""
    if root.name.lower() == name.lower():
        yield root
    for path in sorted(root.rglob("*")):
        if path.name.lower() == name.lower() and path.is_dir():
            yield path


def identifier(path: Path, root: Path) -> str:
    """A picture's id: its path below the set's folder, with slashes."""
    return path.relative_to(root).as_posix()


def by_stem(paths: list[Path]) -> dict[str, Path]:
    """Files by their name without its ending, which is only what follows the last dot."""
    return {path.stem: path for path in paths}


def find_folders(root: Path) -> Found:
    """Plain folders: `images/` and `masks/` with files of one stem below the same path; no mask means pristine.

    A mask may also be called NAME_mask or NAME_gt. A folder of pictures without these two is a set of pristine ones.
    """
    children = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()} if root.is_dir() else {}
    images, masks = children.get("images"), children.get("masks")
    found = Found()
    if images is None:
        for path in pictures_below(root):
            found.add(Entry(identifier(path, root), path, None, "pristine", "folders"))
        return found
    known = (
        {path.relative_to(masks).with_suffix("").as_posix(): path for path in pictures_below(masks)} if masks else {}
    )
    for path in pictures_below(images):
        stem = path.relative_to(images).with_suffix("").as_posix()
        mask = next((known.pop(stem + end) for end in MASK_ENDINGS if stem + end in known), None)
        kind = "pristine" if mask is None else UNSPECIFIED
        found.add(Entry(identifier(path, root), path, mask, kind, "folders"))
    for path in known.values():
        found.problems.append(Problem("no picture", identifier(path, root), "is a mask without a picture of its name"))
    return found
