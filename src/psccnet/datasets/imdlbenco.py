"""The formats of IMDL-BenCo: folders Tp and Gt, JSON lists of pairs, and JSON lists of such sets."""

from dataclasses import replace
from pathlib import Path

from psccnet.datasets.entry import UNSPECIFIED, Entry, Found, Problem
from psccnet.datasets.folders import MASK_ENDINGS, by_stem, identifier, pictures_below
from psccnet.errors import InputError, MissingFileError
from psccnet.pictures.whole_files import parse_json, read_text

_PRISTINE = "Negative"


def find_mani(root: Path) -> Found:
    """`Tp/` and `Gt/` (ManiDataset), with `Au/` where there is one.

    IMDL-BenCo pairs the two sorted folders by position, which one missing file shifts for all that follow; here files
    of one stem are a pair, or a mask called NAME_gt or NAME_mask.
    """
    found = Found()
    masks = by_stem(pictures_below(root / "Gt"))
    for path in pictures_below(root / "Tp"):
        mask = next((masks[name] for end in MASK_ENDINGS if (name := path.stem + end) in masks), None)
        found.add(Entry(identifier(path, root), path, mask, UNSPECIFIED, "mani"))
    for path in pictures_below(root / "Au"):
        found.add(Entry(identifier(path, root), path, None, "pristine", "mani"))
    return found


def find_json(path: Path) -> Found:
    """A JSON list of [picture, mask or "Negative"] (JsonDataset), or of [kind, path] of sets (BalancedDataset).

    Paths in it are relative to the file's folder, or to the folder that one works in.

    Raises:
        InputError: if the file is no such list; the message names it.
        MissingFileError: if there is none.
    """
    if path.is_dir():
        path = next(iter(sorted(path.glob("*.json"))), path / "pairs.json")
    if not path.is_file():
        raise MissingFileError(f"{path}: there is no such JSON list of pairs.")
    rows = parse_json(read_text(path), str(path))
    try:
        pairs = [(str(first), str(second)) for first, second in rows]
    except (ValueError, TypeError) as error:
        raise InputError(f'{path}: not a JSON list of pairs such as ["a.jpg", "a_mask.png"]; mend it.') from error
    found = Found()
    for first, second in pairs:
        if first in ("ManiDataset", "JsonDataset"):
            folder = _resolve(path, second)
            if not folder.exists():
                raise MissingFileError(f"{path}: its set {second} is not there; mend the path.")
            part = (find_mani if first == "ManiDataset" else find_json)(folder)
            found.problems += [replace(one, file=f"{second}/{one.file}") for one in part.problems]
            for entry in part.entries:
                found.add(replace(entry, id=f"{second}/{entry.id}"))
            continue
        image = _resolve(path, first)
        mask = None if second == _PRISTINE else _resolve(path, second)
        if not image.is_file():
            found.problems.append(Problem("no picture", first, "is listed but not there"))
            continue
        found.add(Entry(first, image, mask, "pristine" if mask is None else UNSPECIFIED, "json"))
    return found


def _resolve(listing: Path, name: str) -> Path:
    beside = listing.parent / name
    return beside if beside.exists() or not Path(name).exists() else Path(name)
