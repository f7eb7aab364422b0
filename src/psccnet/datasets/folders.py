"""Looking for files in folders that were unpacked in one of several ways; and plain folders as a data set."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from psccnet.datasets.entry import Entry, Found, Problem, kinds_of_masks
from psccnet.datasets.pairing import HOW, Pairs, bare_name, pair
from psccnet.errors import InputError, listed
from psccnet.pictures.masks import MaskRule
from psccnet.pictures.picture_files import HEIF, RAW, mend_of, survey, without_ending

_IMAGES = ("images", "image", "imgs", "img", "pictures", "tampered", "forged", "tp")
_MASKS = ("masks", "mask", "groundtruth", "groundtruths", "gt", "gts")
_FORGED = ("tampered", "forged", "tp")
_PRISTINE = ("pristine", "authentic", "au", "original", "originals")


def pictures_below(folder: Path) -> list[Path]:
    """All pictures in a folder and those below it, sorted; what systems leave behind, as dot files, is none."""
    return survey(folder).pictures


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


def name_unread(found: Found, root: Path) -> None:
    """Count the files below a folder that hold pictures which are not read here, by ending, as problems."""
    for ending, count in sorted(survey(root).others.items()):
        if ending in HEIF | RAW:
            text = f"is the ending of {count} files; {mend_of(ending)}"
            found.problems.append(Problem("not read", ending, text))


def by_stem(paths: Sequence[Path], found: Found, root: Path) -> dict[str, Path]:
    """Files by their name without its ending, which is only what follows the last dot.

    Of several with one name that differ, none is kept: they are problems of `found`.
    """
    kept: dict[str, Path] = {}
    doubtful: set[str] = set()
    for path in paths:
        other = kept.setdefault(path.stem, path)
        if other != path and other.read_bytes() != path.read_bytes():
            doubtful.add(path.stem)
            text = f"has the name of {identifier(other, root)} and differs from it; keep one"
            found.problems.append(Problem("no pair", identifier(path, root), text))
    return {stem: path for stem, path in kept.items() if stem not in doubtful}


def find_folders(root: Path, rule: MaskRule = "white") -> Found:
    """Plain folders: `images/` and `masks/` with files of one name below the same path (`psccnet.datasets.pairing`).

    Pictures of `pristine/` beside them, and pictures whose mask marks nothing, are pristine; other pictures without a
    mask are left out. Masks may also lie beside their pictures as NAME_mask.png. Pictures without any mask and without
    a folder for masks are a set of pristine ones.

    Raises:
        InputError: if there is a folder of masks but none for pictures, or none of its masks has a picture.
    """
    found = Found()
    children = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    images, masks, pristine = (
        [path for path in children if _plain(path.name) in names] for names in (_IMAGES, _MASKS, _PRISTINE)
    )
    if (len(images) > 1 and masks) or len(masks) > 1:
        names = listed([path.name for path in images + masks], 6)
        raise InputError(
            f"{root}: which of its folders {names} belong together cannot be told; keep images/ and masks/."
        )
    if masks and not images:
        raise InputError(f"{root}: has {masks[0].name}/ but no images/; put the pictures there, named as their masks.")
    if images and not masks and (pristine or _plain(images[0].name) in _FORGED):
        raise InputError(f"{root}: has {images[0].name}/ but no masks/; put a mask there for each of its pictures.")
    if images and masks:
        pairs = pair(pictures_below(images[0]), images[0], pictures_below(masks[0]), masks[0])
        add_pairs(found, pairs, root, "folders", rule)
    else:
        _add_flat(found, images[0] if images else root, root, rule)
    for folder in pristine if images else ():
        for path in pictures_below(folder):
            found.add(Entry(identifier(path, root), path, None, "pristine", "folders"))
    found.entries.sort(key=lambda entry: entry.image)
    name_unread(found, root)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[ _\-]", "", name.lower())


def _add_flat(found: Found, folder: Path, root: Path, rule: MaskRule) -> None:
    """Pictures in one folder: with masks beside them, or all of them pristine."""
    inside = next((path for path in sorted(folder.rglob("*")) if _plain(path.name) in _MASKS and path.is_dir()), None)
    if inside is not None:
        raise InputError(f"{root}: masks lie in {inside}; name the folder that holds images/ and masks/.")
    paths = pictures_below(folder)
    stems = {without_ending(identifier(path, folder)) for path in paths}
    stems |= {identifier(path, folder) for path in paths}
    marked = {path: without_ending(identifier(path, folder)) for path in paths}
    masks = [path for path, stem in marked.items() if bare_name(stem) != stem and bare_name(stem) in stems]
    if not masks:
        for path in paths:
            found.add(Entry(identifier(path, root), path, None, "pristine", "folders"))
        return
    among = set(masks)
    add_pairs(found, pair([path for path in paths if path not in among], folder, masks, folder), root, "folders", rule)


def add_pairs(found: Found, pairs: Pairs, root: Path, name: str, rule: MaskRule) -> None:
    """Take pictures with their masks, and name what cannot be paired.

    Args:
        found: gains entries and problems.
        pairs: of the set.
        root: of the set.
        name: of the set.
        rule: how its masks say what is forged.

    Raises:
        InputError: if there are masks and pictures, but no pair.
    """
    if not pairs.masks and not pairs.doubtful and (pairs.alone or pairs.spare):
        names = [listed(sorted(path.name for path in paths), 2) or "nothing" for paths in (pairs.alone, pairs.spare)]
        raise InputError(f"{root}: no picture has a mask: pictures are {names[0]}, masks {names[1]}; {HOW}.")
    kinds = kinds_of_masks(list(pairs.masks.values()), rule)
    for (picture, mask), kind in zip(pairs.masks.items(), kinds, strict=True):
        found.add(Entry(identifier(picture, root), picture, mask, kind, name, rule))
    for path in pairs.alone:
        text = "has no mask; a pristine picture has an all-black one, or lies in pristine/"
        found.problems.append(Problem("no mask", identifier(path, root), text))
    for path in pairs.spare:
        text = "is a mask without a picture of its name"
        found.problems.append(Problem("no picture", identifier(path, root), text))
    for path, text in sorted(pairs.doubtful.items()):
        found.problems.append(Problem("no pair", identifier(path, root), text))
