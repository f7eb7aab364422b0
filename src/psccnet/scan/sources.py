"""The sources of a scan, listed as a stream: nothing is sorted or kept, so that memory is flat for any number.

| source | pictures |
|---|---|
| a folder | all pictures in it and its subfolders, by ending or, if the ending is unknown, by their first bytes |
| a file that ends in .tar | its members that are pictures |
| a file that ends in .parquet | one per row: a column `bytes`, or `path`, `image`, `file`, `url` |
| a file that ends in .txt or .lst, or --from | a list of paths or URLs, separated by newlines or NUL |
| a glob | each file or folder that matches |
| s3://, gs://, https:// ... | the file at the URL, or all pictures below it |
| any other file | the file |
"""

import glob
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from psccnet.errors import InputError, MissingFileError
from psccnet.pictures.name_lists import names_in
from psccnet.pictures.picture_files import BROKEN_LINK, is_clutter, is_picture, is_taken
from psccnet.scan.item import Item, Place

_PATHS = ("path", "image", "file", "filename", "file_name", "image_path", "url")
"""Columns of a Parquet file that may name pictures; the first one that exists is used."""
_ROWS = 64
"""Number of rows of a Parquet file in memory at a time, if it holds pictures."""
_LINKED = "links to folders, which are not followed"


class Sources:
    """The sources of a scan as a stream of pictures.

    Args:
        names: see the table above.
        lists: files that list further sources, a path or URL each; "-" is standard input.

    Attributes:
        others: after `items`, the number of files in folders and archives that are not pictures, by ending.
    """

    def __init__(self, names: Sequence[str], lists: Sequence[Path] = ()) -> None:
        self.names = list(names)
        self.lists = list(lists)
        self.others: Counter[str] = Counter()

    def check(self) -> None:
        """Check that all sources exist, before anything is listed.

        Raises:
            MissingFileError: if one does not; the message names it.
        """
        for path in (*self.names, *(str(path) for path in self.lists if str(path) != "-")):
            if not ("://" in path or os.path.exists(path) or glob.has_magic(path)):
                raise MissingFileError(f"{path}: there is no such file or folder; check the path.")

    def items(self) -> Iterator[Item]:
        """Yield each picture as it is found; also each folder, archive or table that cannot be read completely.

        Raises:
            InputError: if a URL or a table is not usable; the message names it.
            MissingFileError: if a source does not exist.
        """
        self.others.clear()
        for name in self.names:
            yield from self._of_source(name)
        for listing in self.lists:
            yield from self._of_list(listing)

    def _of_source(self, name: str) -> Iterator[Item]:
        if "://" in name:
            yield from self._of_url(name)
        elif os.path.isdir(name):
            yield from self._of_folder(name)
        elif not os.path.exists(name) and glob.has_magic(name):
            found = False
            for match in glob.iglob(name, recursive=True):
                found = True
                yield from self._of_source(match)
            if not found:
                raise MissingFileError(f"{name}: matches no file; check the pattern.")
        else:
            yield from self._of_file(name)

    def _of_file(self, path: str) -> Iterator[Item]:
        ending = os.path.splitext(path)[1].lower()
        if ending == ".tar":
            yield from self._of_tar(path)
        elif ending == ".parquet":
            yield from self._of_parquet(path)
        elif ending in (".txt", ".lst"):
            yield from self._of_list(Path(path))
        else:
            yield _of_path(path)

    def _of_folder(self, top: str) -> Iterator[Item]:
        """Depth first; only the names of folders that are not listed yet are kept in memory."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                entries = os.scandir(folder)
            except OSError as error:
                yield _faulty(folder, f"cannot be listed ({error.strerror}); check permissions, then --retry-failed")
                continue
            with entries:
                for entry in entries:
                    if is_clutter(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file():
                        if is_taken(Path(entry.path)):
                            yield _of_path(entry.path, entry.stat)
                        else:
                            self.others[os.path.splitext(entry.name)[1].lower()] += 1
                    elif entry.is_symlink():
                        if os.path.isdir(entry.path):
                            self.others[_LINKED] += 1
                        else:
                            yield _faulty(entry.path, BROKEN_LINK)

    def _of_tar(self, path: str) -> Iterator[Item]:
        try:
            with tarfile.open(path, "r:") as archive:
                for member in archive:
                    archive.members.clear()  # type: ignore[attr-defined]  # otherwise it keeps all members
                    if not member.isfile() or is_clutter(member.name):
                        continue
                    if is_picture(member.name):
                        place = Place(member.offset_data, member.size)
                        yield Item(f"{path}!{member.name}", member.size, str(member.mtime), path, place)
                    else:
                        self.others[os.path.splitext(member.name)[1].lower()] += 1
                end = archive.offset
            with Path(path).open("rb") as file:
                file.seek(end)
                # tarfile reports no error for an archive that is truncated between members: look for its last block.
                if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                    yield _faulty(path, "its end is missing, and perhaps pictures; copy it again")
        except (tarfile.TarError, OSError) as error:
            yield _faulty(path, f"not a tar archive, or damaged ({error}); copy it again; unpack .tar.gz")

    def _of_list(self, path: Path) -> Iterator[Item]:
        for name in names_in(path):
            yield from self._named(name)

    def _named(self, name: str) -> Iterator[Item]:
        """The pictures that an entry of a list or table names; a missing file is an item that fails."""
        if "://" in name:
            yield from self._of_url(name) if name.endswith("/") else [Item(name, 0, "", name)]
        else:
            yield from self._of_folder(name) if os.path.isdir(name) else [_of_path(name)]

    def _of_parquet(self, path: str) -> Iterator[Item]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.ParquetFile(path)
            column = _column(table.schema_arrow, path)
            stamp, number = str(os.stat(path).st_mtime_ns), 0
            for batch in table.iter_batches(_ROWS, columns=[column]):
                for value in batch.column(0).to_pylist():
                    yield from self._of_cell(value, f"{path}!{number}", path, stamp)
                    number += 1
        except (pa.ArrowException, OSError) as error:
            yield _faulty(path, f"not a Parquet file, or damaged ({error}); copy it again")

    def _of_cell(self, value: Any, name: str, path: str, stamp: str) -> Iterator[Item]:
        content = value.get("bytes") if isinstance(value, dict) else value
        if isinstance(content, bytes):
            yield Item(name, len(content), stamp, path, content=content)
        elif isinstance(content, str):
            yield from self._named(content)
        else:
            yield _faulty(name, "this row holds no picture; remove it", stamp)

    def _of_url(self, url: str) -> Iterator[Item]:
        from psccnet.scan.remote import listed_below

        for number, (name, size, stamp) in enumerate(listed_below(url)):
            if (number == 0 and name == url) or is_picture(name.rpartition("/")[2]):
                yield Item(name, size, stamp, name)
            else:
                self.others[os.path.splitext(name)[1].lower()] += 1


def _faulty(name: str, fault: str, stamp: str = "") -> Item:
    return Item(name, -1, stamp, name, fault=fault)


def _of_path(path: str, stat: Callable[[], os.stat_result] | None = None) -> Item:
    try:
        facts = os.stat(path) if stat is None else stat()
    except (OSError, ValueError):
        return Item(path, -1, "", path)  # `Item.read` reports the error
    return Item(path, facts.st_size, str(facts.st_mtime_ns), path)


def _column(schema: Any, path: str) -> str:
    """The column that holds pictures, as bytes or as a struct with bytes, or names of pictures."""
    import pyarrow as pa

    def is_text(kind: Any) -> bool:
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))

    for field in schema:
        holds = pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
        if holds or (pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0):
            return str(field.name)
    for name in _PATHS:
        if name in schema.names and is_text(schema.field(name).type):
            return name
    raise InputError(
        f"{path}: no column holds or names pictures; rename the right one of {', '.join(schema.names[:8])} to bytes or"
        " path."
    )
