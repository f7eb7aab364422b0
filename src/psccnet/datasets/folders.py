"""Find files in folders whatever way they were unpacked; and the data set of plain folders."""

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
    """All pictures in a folder and its subfolders, sorted, without system files such as dot files."""
    return survey(folder).pictures


def named(root: Path, name: str) -> Iterator[Path]:
    """The folders called `name`, in upper or lower case: `root` or below it, outer folders first."""
    if root.name.lower() == name.lower():
        yield root
    for path in sorted(root.rglob("*")):
        if path.name.lower() == name.lower() and path.is_dir():
            yield path


def identifier(path: Path, root: Path) -> str:
    """A picture's id: its path relative to the set's folder, with slashes.

    Examples:
        >>> identifier(Path("set/images/a.jpg"), Path("set"))
        'images/a.jpg'
    """
    return path.relative_to(root).as_posix()


def name_unread(found: Found, root: Path) -> None:
    """Add a problem for each ending of picture files below a folder that cannot be read, with their number."""
    for ending, count in sorted(survey(root).others.items()):
        if ending in HEIF | RAW:
            text = f"is the ending of {count} files; {mend_of(ending)}"
            found.problems.append(Problem("not read", ending, text))


def by_stem(paths: Sequence[Path], found: Found, root: Path) -> dict[str, Path]:
    """Files by name without the ending, which is the part after the last dot.

    If files of one name differ, none of them is kept, and they are added to the problems of `found`.
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
    """Find pictures in `images/` with masks of the same names in `masks/` (see `psccnet.datasets.pairing`).

    Pictures in `pristine/` beside them and pictures whose mask marks nothing are pristine; other pictures without a
    mask are left out. Masks may also be beside their pictures as NAME_mask.png. If there are no masks at all and no
    folder for them, all pictures are pristine.

    Raises:
        InputError: if there is a folder of masks but none of pictures or the other way round, if it is unclear which
            folders belong together, or if no mask has a picture.
    """
    found = Found()
    children = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    images, masks, pristine = (
        [path for path in children if _plain(path.name) in names] for names in (_IMAGES, _MASKS, _PRISTINE)
    )
    if (len(images) > 1 and masks) or len(masks) > 1:
        names = listed([path.name for path in images + masks], 6)
        raise InputError(
            f"{root}: it is unclear which of its folders {names} belong together; keep only images/ and masks/."
        )
    if masks and not images:
        raise InputError(
            f"{root}: has {masks[0].name}/ but no images/; put pictures there with the names of the masks."
        )
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
    """Add the pictures of one folder: with masks beside them, or else all as pristine."""
    inside = next((path for path in sorted(folder.rglob("*")) if _plain(path.name) in _MASKS and path.is_dir()), None)
    if inside is not None:
        raise InputError(f"{root}: its masks are in {inside}; give the folder that holds images/ and masks/.")
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
    """Add pictures with their masks, and a problem for each file without a partner.

    Args:
        found: entries and problems are added to it.
        pairs: of the set.
        root: of the set.
        name: of the set.
        rule: which pixels of its masks are forged.

    Raises:
        InputError: if there are masks or pictures, but no pair.
    """
    if not pairs.masks and not pairs.doubtful and (pairs.alone or pairs.spare):
        names = [listed(sorted(path.name for path in paths), 2) or "nothing" for paths in (pairs.alone, pairs.spare)]
        raise InputError(f"{root}: no picture has a mask: pictures are {names[0]}, masks {names[1]}; {HOW}.")
    kinds = kinds_of_masks(list(pairs.masks.values()), rule)
    for (picture, mask), kind in zip(pairs.masks.items(), kinds, strict=True):
        found.add(Entry(identifier(picture, root), picture, mask, kind, name, rule))
    for path in pairs.alone:
        text = "has no mask; a pristine picture needs an all-black mask, or belongs in pristine/"
        found.problems.append(Problem("no mask", identifier(path, root), text))
    for path in pairs.spare:
        text = "is a mask without a picture of its name"
        found.problems.append(Problem("no picture", identifier(path, root), text))
    for path, text in sorted(pairs.doubtful.items()):
        found.problems.append(Problem("no pair", identifier(path, root), text))
