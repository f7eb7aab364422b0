"""Which pictures to evaluate, from a CSV or a folder with an index.csv."""

import csv
from collections.abc import Sequence
from pathlib import Path

from psccnet.datasets.entry import Entry
from psccnet.errors import InputError, MissingFileError
from psccnet.pictures.whole_files import reading

COLUMNS = ("image", "mask", "manipulation")


def read_listing(path: Path, sets: Sequence[str] = ()) -> list[Entry]:
    """Read an index: a CSV with the columns image, mask (empty for pristine), manipulation and, if wanted, set.

    Args:
        path: the CSV, or a folder that holds it as index.csv; paths in it are relative to its folder.
        sets: keep only rows of these sets.

    Raises:
        InputError: if the file cannot be read or is no such index, a picture occurs twice, a forged picture has no
            mask, a pristine one has one, or nothing is left; the message names file and row.
        MissingFileError: if there is no index.
    """
    index = path / "index.csv" if path.is_dir() else path
    if not index.is_file():
        raise MissingFileError(f"{index}: there is no such index; it is a CSV with columns {', '.join(COLUMNS)}.")
    try:
        # -sig: spreadsheets put a byte order mark before the first column's name.
        with reading(index), index.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
            # line_num, not a count: blank lines are skipped.
            numbered = [] if missing else [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{index}: not a CSV in UTF-8; name the index, not a picture.") from error
    if missing:
        raise InputError(f"{index}: the column {missing[0]} is missing; an index has {', '.join(COLUMNS)}.")
    entries: dict[str, Entry] = {}
    for number, row in numbered:
        entry = _entry(index, number, row)
        if sets and entry.set not in sets:
            continue
        if entry.id in entries:
            raise InputError(f"{index}, row {number}: {entry.id} is listed twice; remove one row.")
        entries[entry.id] = entry
    if not entries:
        raise InputError(f"{index}: no picture is listed{' for ' + ', '.join(sets) if sets else ''}.")
    return list(entries.values())


def _entry(index: Path, number: int, row: dict[str, str]) -> Entry:
    image, mask, manipulation = ((row[column] or "").strip() for column in COLUMNS)
    if not image or not manipulation:
        raise InputError(f"{index}, row {number}: image and manipulation must not be empty.")
    entry = Entry(
        image, index.parent / image, index.parent / mask if mask else None, manipulation, row.get("set") or ""
    )
    if entry.forged != (entry.mask is not None):
        wrong = "has no mask" if entry.forged else "is pristine but has a mask"
        raise InputError(f"{index}, row {number}: {image} {wrong}; mend the row.")
    return entry
