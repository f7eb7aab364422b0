"""Read a list of pictures with ground truth: a CSV, or a folder with an index.csv."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from psccnet.datasets.entry import UNSPECIFIED, Entry
from psccnet.datasets.tables import Row, located, read_table
from psccnet.errors import InputError, MissingFileError
from psccnet.pictures.masks import MaskRule

COLUMNS = ("image", "mask", "manipulation")
_SYNONYMS = {
    "image": ("images", "picture", "file", "filename", "file_name", "path", "image_path", "image_file"),
    "mask": ("masks", "gt", "groundtruth", "ground_truth", "mask_path", "mask_file"),
    "manipulation": ("manipulations", "manipulation_type", "kind", "type", "class", "label"),
    "mask_rule": ("forged_is", "maskrule"),
}
_WORDS = {
    "pristine": "pristine authentic original real genuine untouched unmanipulated negative au 0 false",
    "splicing": "splicing splice spliced",
    "copy-move": "copy-move copymove copy-moved copymoved cloning clone cloned copyclone",
    "removal": "removal remove removed inpainting inpaint inpainted",
    UNSPECIFIED: "unspecified forged forgery tampered tampering fake manipulated edited altered positive tp 1 true",
}
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_NO_MASK = ("none", "null", "nan", "n/a", "na", "-", "negative")
_RULES = {"white": "white", "bright": "white", "255": "white", "black": "black", "dark": "black", "0": "black"}


def read_listing(path: Path, sets: Sequence[str] = (), rule: MaskRule = "white") -> list[Entry]:
    """Read an index: a CSV with the columns image, mask (empty for pristine pictures) and manipulation.

    Optional columns are `set` and `mask_rule` (white, black or nonzero). A pristine picture may have a mask that marks
    nothing. Common separators, encodings and synonyms such as "authentic" are understood; see
    `psccnet.datasets.tables`.

    Args:
        path: the CSV, or a folder that holds it as index.csv; paths in it are relative to its folder.
        sets: keep only rows of these sets.
        rule: the mask rule of rows without one.

    Raises:
        InputError: if the file cannot be read or is not such an index, a picture is listed twice, a forged picture has
            no mask, or no row is left; the message names file and row.
        MissingFileError: if there is no index.
    """
    index = path / "index.csv" if path.is_dir() else path
    if not index.is_file():
        raise MissingFileError(f"{index}: there is no such index; it is a CSV with columns {', '.join(COLUMNS)}.")
    entries: dict[str, Entry] = {}
    for row in read_table(index, COLUMNS, _SYNONYMS, files="image"):
        entry = _entry(index, row, rule)
        if sets and entry.set not in sets:
            continue
        if entry.id in entries:
            raise InputError(f"{index}, row {row.line}: {entry.id} is listed twice; remove one row.")
        entries[entry.id] = entry
    if not entries:
        raise InputError(f"{index}: no picture is listed{' for ' + ', '.join(sets) if sets else ''}.")
    return list(entries.values())


def _entry(index: Path, row: Row, rule: MaskRule) -> Entry:
    where = f"{index}, row {row.line}"
    image, mask, word = (row.cells[column] for column in COLUMNS)
    if not image or not word:
        raise InputError(f"{where}: image and manipulation must not be empty.")
    simple = re.sub(r"[\s_-]+", "-", word.lower())
    kind = _KINDS.get(simple, word)
    place = located(index.parent, mask) if mask else None
    if place is None and mask and mask.lower() not in _NO_MASK:
        place = index.parent / mask  # missing: an error follows when it is read
    own = row.cells.get("mask_rule", "").lower()
    entry = Entry(
        image,
        located(index.parent, image) or index.parent / image,
        place,
        kind,
        row.cells.get("set", ""),
        _rule(own, where) if own else rule,
    )
    if entry.forged and entry.mask is None:
        known = "" if simple in _KINDS else f" (if {word!r} means pristine, write pristine)"
        raise InputError(f"{where}: {image} has no mask{known}; correct the row.")
    return entry


def _rule(word: str, where: str) -> MaskRule:
    known: dict[str, MaskRule] = {name: name for name in get_args(MaskRule)}
    if word in known:
        return known[word]
    if word in _RULES:
        return known[_RULES[word]]
    raise InputError(f"{where}: the mask rule {word!r} is not one of {', '.join(known)}; correct the row.")
