"""The formats of IMDL-BenCo: folders Tp and Gt, JSON lists of pairs, and JSON lists of such sets."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from psccnet.datasets.entry import Entry, Found, Problem, kinds_of_masks
from psccnet.datasets.folders import add_pairs, identifier, name_unread, pictures_below
from psccnet.datasets.pairing import pair
from psccnet.datasets.tables import located
from psccnet.errors import InputError, MissingFileError, listed
from psccnet.pictures.masks import MaskRule
from psccnet.pictures.whole_files import parse_json, reading

_PRISTINE = "negative"
_SETS = ("ManiDataset", "JsonDataset")
_IMAGE_KEYS = ("image", "img", "picture", "file", "path", "tampered", "tp_path", "image_path", "img_path")
_MASK_KEYS = ("mask", "gt", "groundtruth", "ground_truth", "mask_path", "gt_path")
_HOW = 'an item is ["a.jpg", "a_mask.png"] or ["b.jpg", "Negative"]'


def find_mani(root: Path, rule: MaskRule = "white") -> Found:
    """Find forged pictures in `Tp/`, masks in `Gt/` (ManiDataset), and pristine pictures in `Au/` if it exists.

    IMDL-BenCo pairs the files of the two sorted folders by position, so that one missing file shifts all pairs after
    it. Here, files are paired by name (`psccnet.datasets.pairing`).
    """
    found = Found()
    pictures, masks = (pictures_below(root / name) for name in ("Tp", "Gt"))
    add_pairs(found, pair(pictures, root / "Tp", masks, root / "Gt"), root, "mani", rule)
    for path in pictures_below(root / "Au"):
        found.add(Entry(identifier(path, root), path, None, "pristine", "mani"))
    name_unread(found, root)
    return found


def find_json(path: Path, rule: MaskRule = "white") -> Found:
    """Read a JSON list of [picture, mask or "Negative"] (JsonDataset), or of [kind, path] of sets (BalancedDataset).

    Items may also be objects with a picture and a mask. Paths are relative to the file's folder or to the working
    directory. A picture whose mask marks nothing is pristine.

    Raises:
        InputError: if the file is not such a list or lists itself, or the folder holds several lists.
        MissingFileError: if there is no list.
    """
    return _find(path, rule, ())


def _find(path: Path, rule: MaskRule, above: tuple[Path, ...]) -> Found:
    path = _the_list(path)
    if path.resolve() in above:
        raise InputError(f"{path}: lists itself, through {listed([file.name for file in above])}; remove that line.")
    with reading(path):
        data = path.read_bytes()
    items = parse_json(data, str(path))
    if not isinstance(items, list):
        raise InputError(f"{path}: not a JSON list of pairs; {_HOW}.")
    found = Found()
    pairs = [_pair(item, number, path) for number, item in enumerate(items, 1)]
    rows: list[tuple[str, Path, Path | None]] = []
    for first, second in pairs:
        if first in _SETS:
            folder = located(path.parent, second, here=True) or Path(second)
            if not folder.exists():
                raise MissingFileError(f"{path}: its set {second} does not exist; correct the path.")
            below = (*above, path.resolve())
            part = find_mani(folder, rule) if first == _SETS[0] else _find(folder, rule, below)
            found.problems += [replace(problem, file=f"{second}/{problem.file}") for problem in part.problems]
            for entry in part.entries:
                found.add(replace(entry, id=f"{second}/{entry.id}"))
            continue
        image = located(path.parent, first, here=True)
        if image is None:
            found.problems.append(Problem("no picture", first, "is listed but missing"))
            continue
        pristine = second.strip().lower() == _PRISTINE
        rows.append(
            (first, image, None if pristine else located(path.parent, second, here=True) or path.parent / second)
        )
    kinds = iter(kinds_of_masks([mask for _, _, mask in rows if mask is not None], rule))
    for first, image, mask in rows:
        found.add(Entry(first, image, mask, "pristine" if mask is None else next(kinds), "json", rule))
    return found


def _the_list(path: Path) -> Path:
    """The list itself; of a folder, its list that no other of its lists names."""
    if path.is_dir():
        lists = sorted(path.glob("*.json"))
        named = {name for file in lists for name in _sets_of(file)}
        tops = [file for file in lists if file.name not in named] or lists
        if len(tops) > 1:
            raise InputError(f"{path}: holds several JSON lists ({listed([file.name for file in tops])}); give one.")
        path = tops[0] if tops else path / "pairs.json"
    if not path.is_file():
        raise MissingFileError(f"{path}: there is no such JSON list of pairs.")
    return path


def _sets_of(path: Path) -> list[str]:
    """The lists that a list names."""
    try:
        with reading(path):
            items = parse_json(path.read_bytes(), str(path))
    except InputError:
        return []
    pairs = [item for item in items if isinstance(item, list) and len(item) == 2] if isinstance(items, list) else []
    return [str(second) for first, second in pairs if first == _SETS[1] and str(second) != path.name]


class _Pair(NamedTuple):
    first: str
    second: str


def _pair(item: Any, number: int, path: Path) -> _Pair:
    """An item of a list: picture and mask, or the kind of a set and its path."""
    if isinstance(item, dict):
        values = {str(key).lower(): value for key, value in item.items()}
        pictures, masks = ([values[key] for key in keys if key in values] for keys in (_IMAGE_KEYS, _MASK_KEYS))
        if len(pictures) != 1 or len(masks) != 1:
            raise InputError(f"{path}, item {number}: needs one image and one mask; {_HOW}.")
        item = [pictures[0], masks[0]]
    if not isinstance(item, list) or len(item) != 2:
        raise InputError(f"{path}, item {number}: not a pair; {_HOW}.")
    first, second = item
    if second is None or second == "":
        raise InputError(f'{path}, item {number}: has no mask; write "Negative" if {first} is pristine.')
    if not (isinstance(first, str) and isinstance(second, str) and first):
        raise InputError(f"{path}, item {number}: not two strings; {_HOW}.")
    return _Pair(first, second)
