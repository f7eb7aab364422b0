"""Read CSV tables as people save them: with commas, semicolons, tabs or bars, in UTF-8, UTF-16 or Windows-1252."""

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
"""Older encodings of spreadsheets, the most likely first."""
_OTHERS = (
    (b"PK\x03\x04", "but an Excel workbook or an archive; save it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "but an old Excel workbook; save it as CSV UTF-8"),
)


class Row(NamedTuple):
    """A row of a table: its line in the file, and its text by column, without surrounding spaces."""

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

    The separator is that of comma, semicolon, tab and bar which gives the columns. Case and spaces in the header, and
    empty rows, are ignored.

    Args:
        path: of the table.
        columns: required columns; others are kept.
        synonyms: other names of columns; one of them is used if the column itself is missing.
        files: the column of file paths relative to the table's folder. For a table without a known encoding, the
            encoding is chosen with which all these files exist.
        bars: whether a bar may be the separator.

    Raises:
        InputError: if the file is not such a table; the message names encoding, separator or column.
        MissingFileError: if there is no such file.
    """
    with reading(path):
        data = path.read_bytes()
    if is_pointer(data):
        raise InputError(f"{path}: {POINTER}.")
    kind = next((description for start, description in _OTHERS if data.startswith(start)), None)
    if kind is not None:
        raise InputError(f"{path}: not a CSV in UTF-8 {kind}.")
    texts = _decodings(data)
    tables = [_parsed(text, path, columns, synonyms or {}, _SEPARATORS if bars else _SEPARATORS[:-1]) for text in texts]
    if len(tables) > 1:
        fits = [rows for rows in tables if files and all(located(path.parent, row.cells[files]) for row in rows)]
        distinct = [rows for number, rows in enumerate(fits) if rows not in fits[:number]]
        if len(distinct) != 1:
            raise InputError(
                f"{path}: not a CSV in UTF-8, but perhaps in Windows-1252 from a spreadsheet; save it as CSV UTF-8."
            )
        tables = distinct
    if not tables:
        raise InputError(f"{path}: not a CSV in UTF-8; give the index, not a picture.")
    return tables[0]


def _decodings(data: bytes) -> list[str]:
    """The text of a file in each encoding that is possible; a single one if the encoding is known."""
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
    # Text has no control characters.
    return [text for text in texts if not any(ord(letter) < 32 and letter not in "\r\n\t\f" for letter in text)]


def _parsed(
    text: str, path: Path, columns: Sequence[str], synonyms: Mapping[str, Collection[str]], separators: str
) -> list[Row]:
    lines = list(io.StringIO(text.replace("\ufeff", ""), newline=""))
    first_line = lines[0].rstrip("\r\n").lower() if lines else ""
    # Excel may write its separator as the first line: sep=;
    skipped = 1 if first_line[:4] == "sep=" and first_line[4:] in (*_SEPARATORS,) else 0
    head = lines[skipped] if len(lines) > skipped else ""
    best: dict[int, str] = {}
    for separator in first_line[4:] if skipped else separators:
        names = _header(head, separator, columns, synonyms)
        if len(set(columns) & set(names.values())) > len(set(columns) & set(best.values())) or not best:
            best, chosen = names, separator
    missing = [column for column in columns if column not in best.values()]
    if missing:
        first = head.strip()
        shown = first[:60] + ("..." if len(first) > 60 else "")
        raise InputError(
            f"{path}: the column {missing[0]} is missing; the first line must name {', '.join(columns)}, separated by"
            f" commas, semicolons or tabs, but is {shown!r}."
        )
    rows = []
    reader = csv.reader(io.StringIO("".join(lines[skipped + 1 :]), newline=""), delimiter=chosen)
    try:
        for values in reader:
            cells = {name: _cell(values, at) for at, name in best.items()}
            if any(cells.values()):
                rows.append(Row(reader.line_num + skipped + 1, cells))
    except csv.Error as error:
        raise InputError(f"{path}: row {reader.line_num + skipped + 1} is not valid CSV; correct it.") from error
    return rows


def _cell(values: Sequence[str], at: int) -> str:
    """A cell as one line; "" if the row is too short."""
    return values[at].replace("\r", " ").replace("\n", " ").strip() if at < len(values) else ""


def _header(
    line: str, separator: str, columns: Sequence[str], synonyms: Mapping[str, Collection[str]]
) -> dict[int, str]:
    """The names of a header's columns by position, in lower case; synonyms are replaced by the names they stand for."""
    try:
        cells = next(csv.reader([line.strip("\r\n")], delimiter=separator), [])
    except csv.Error:
        cells = []
    names = {at: "_".join(cell.strip(" \t\"'\ufeff\xa0").lower().split()) for at, cell in enumerate(cells)}
    for column in (*columns, *(name for name in synonyms if name not in columns)):
        others = [at for at, name in names.items() if name in synonyms.get(column, ())]
        if column not in names.values() and len(others) == 1:
            names[others[0]] = column
    # Two columns of the same name are ambiguous, so neither is kept.
    kept = {at: name for at, name in names.items() if list(names.values()).count(name) == 1}
    return {at: name for at, name in kept.items() if name}


def located(folder: Path, name: str, here: bool = False) -> Path | None:
    """The file or folder that a list names; None if it does not exist.

    Backslashes count as slashes, and Unicode forms of accented letters as equal.

    Args:
        folder: that `name` is relative to.
        name: a path in the list.
        here: also try it relative to the working directory.
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
            except (OSError, ValueError):  # a name that is too long, or contains a zero byte
                continue
    return None
