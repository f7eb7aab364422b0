"""Tables as people save them: CSV with commas, semicolons, tabs or bars, in UTF-8, UTF-16 or Windows-1252."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from psccnet.errors import InputError
from psccnet.pictures.lfs_pointer import POINTER, is_pointer
from psccnet.pictures.whole_files import reading

_SEPARATORS = ",;\t|"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\0\0", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_OLD = ("cp1252", "mac_roman", "cp850", "cp1250", "cp1251")
"""Encodings that spreadsheets fall back to, the likeliest first."""
_OTHERS = (
    (b"PK\x03\x04", "but an Excel workbook or an archive; save it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "but an old Excel workbook; save it as CSV UTF-8"),
)


class Row(NamedTuple):
    """A row of a table: its line in the file, and column -> text without blanks around it."""

    line: int
    cells: dict[str, str]


def read_table(
    path: Path,
    columns: Sequence[str],
    synonyms: Mapping[str, Collection[str]] | None = None,
    files: str | None = None,
    bars: bool = True,
) -> list[Row]:
    """Read a CSV whose first line names its columns.

    Separators are commas, semicolons, tabs or bars, whichever give the columns; capitals and blanks in the header do
    not count, nor do empty rows.

    Args:
        path: of the table.
        columns: that it needs; its others are kept.
        synonyms: other names of columns, taken where the column itself is missing and one of them is there.
        files: the column of paths below the table's folder; where no encoding is told, one is taken under which all of
            them exist.
        bars: whether bars may separate.

    Raises:
        InputError: if it is no such table; the message names encoding, separator or column.
        MissingFileError: if there is no such file.
    """
    with reading(path):
        data = path.read_bytes()
    if is_pointer(data):
        raise InputError(f"{path}: {POINTER}.")
    kind = next((words for start, words in _OTHERS if data.startswith(start)), None)
    if kind is not None:
        raise InputError(f"{path}: not a CSV in UTF-8 {kind}.")
    texts = _decodings(data)
    tables = [_parsed(text, path, columns, synonyms or {}, _SEPARATORS if bars else _SEPARATORS[:-1]) for text in texts]
    if len(tables) > 1:
        fits = [one for one in tables if files and all(located(path.parent, row.cells[files]) for row in one)]
        distinct = [one for number, one in enumerate(fits) if one not in fits[:number]]
        if len(distinct) != 1:
            raise InputError(
                f"{path}: not a CSV in UTF-8, perhaps in Windows-1252, as spreadsheets save it; save it as CSV UTF-8."
            )
        tables = distinct
    if not tables:
        raise InputError(f"{path}: not a CSV in UTF-8; name the index, not a picture.")
    return tables[0]


def _decodings(data: bytes) -> list[str]:
    """The texts that a file may hold: one where its encoding is told, else all that are possible."""
    encodings: Sequence[str] = [name for mark, name in _MARKS if data.startswith(mark)][:1]
    if not encodings and b"\0" in data[:4096]:
        if data[1:2] != b"\0" and data[:1] != b"\0":
            return []
        encodings = ["utf-16-le" if data[1:2] == b"\0" else "utf-16-be"]
    texts = []
    for encoding in encodings or ("utf-8",):
        try:
            texts.append(data.decode(encoding))
        except UnicodeDecodeError:
            continue
    for encoding in () if texts or encodings else _OLD:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        texts.append(text)
    # What holds control letters is no text.
    return [text for text in texts if not any(ord(letter) < 32 and letter not in "\r\n\t\f" for letter in text)]


def _parsed(
    text: str, path: Path, columns: Sequence[str], synonyms: Mapping[str, Collection[str]], separators: str
) -> list[Row]:
    lines = list(io.StringIO(text.replace("\ufeff", ""), newline=""))
    told = lines[0].rstrip("\r\n").lower() if lines else ""
    skipped = 1 if told[:4] == "sep=" and told[4:] in (*_SEPARATORS,) else 0  # which Excel writes for itself
    head = lines[skipped] if len(lines) > skipped else ""
    best: dict[int, str] = {}
    for separator in told[4:] if skipped else separators:
        names = _header(head, separator, columns, synonyms)
        if len(set(columns) & set(names.values())) > len(set(columns) & set(best.values())) or not best:
            best, chosen = names, separator
    missing = [column for column in columns if column not in best.values()]
    if missing:
        first = head.strip()
        shown = first[:60] + ("..." if len(first) > 60 else "")
        raise InputError(
            f"{path}: the column {missing[0]} is missing; its first line is to name {', '.join(columns)}, with commas,"
            f" semicolons or tabs between them, and is {shown!r}."
        )
    rows = []
    reader = csv.reader(io.StringIO("".join(lines[skipped + 1 :]), newline=""), delimiter=chosen)
    try:
        for values in reader:
            cells = {name: _cell(values, at) for at, name in best.items()}
            if any(cells.values()):
                rows.append(Row(reader.line_num + skipped + 1, cells))
    except csv.Error as error:
        raise InputError(f"{path}: row {reader.line_num + skipped + 1} is not one of a CSV; mend it.") from error
    return rows


def _cell(values: Sequence[str], at: int) -> str:
    """A cell in one line; empty where the row is too short."""
    return values[at].replace("\r", " ").replace("\n", " ").strip() if at < len(values) else ""


def _header(
    line: str, separator: str, columns: Sequence[str], synonyms: Mapping[str, Collection[str]]
) -> dict[int, str]:
    """Place -> name of a header's columns, in lower case, with synonyms by the names that they stand for."""
    try:
        words = next(csv.reader([line.strip("\r\n")], delimiter=separator), [])
    except csv.Error:
        words = []
    names = {at: "_".join(word.strip(" \t\"'\ufeff\xa0").lower().split()) for at, word in enumerate(words)}
    for column in (*columns, *(name for name in synonyms if name not in columns)):
        others = [at for at, name in names.items() if name in synonyms.get(column, ())]
        if column not in names.values() and len(others) == 1:
            names[others[0]] = column
    # Of two columns of one name, which is meant cannot be told.
    kept = {at: name for at, name in names.items() if list(names.values()).count(name) == 1}
    return {at: name for at, name in kept.items() if name}


def located(folder: Path, name: str, here: bool = False) -> Path | None:
    """The file or folder that a list calls `name`: below `folder`, or, `here`, where one works; None if there is none.

    Backslashes of Windows, and letters with accents in one part or two, are taken for each other.
    """
    spellings = dict.fromkeys(
        spelling
        for slashes in (name, name.replace("\\", "/"))
        for spelling in (slashes, normalize("NFC", slashes), normalize("NFD", slashes))
    )
    for base in (folder, Path()) if here else (folder,):
        for spelling in spellings:
            try:
                if (base / spelling).exists():
                    return base / spelling
            except (OSError, ValueError):  # a name that is too long, or holds a zero byte
                continue
    return None
