"""What a scan looks at, listed as a stream: nothing is sorted or kept, so that memory is flat over any number.

| word | what it is |
|---|---|
| a folder | all pictures below it, by their endings or, where an ending says nothing, by their first bytes |
| a file that ends in .tar | its members that are pictures |
| a file that ends in .parquet | a picture a row: a column `bytes`, or `path`, `image`, `file`, `url` |
| a file that ends in .txt or .lst, or --from | a list of paths or URLs, a line each, or with NUL between them |
| a glob | each file or folder that it fits |
| s3://, gs://, https:// ... | the file there, or all pictures below it |
| any other file | a picture |
"""

import glob
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from psccnet.errors import InputError, MissingFileError
from psccnet.pictures.picture_files import is_clutter, is_picture, is_taken
from psccnet.pictures.whole_files import reading
from psccnet.scan.item import Item, Place

_PATHS = ("path", "image", "file", "filename", "file_name", "image_path", "url")
"""Columns of a Parquet file that may name pictures, the first that is there."""
_ROWS = 64
"""Of a Parquet file with pictures in it that are in memory at a time."""


class Sources:
    """Words of a command line as a stream of pictures.

    Args:
        words: see the table above.
        lists: files that list further words, a path or URL each.

    Attributes:
        others: after `items`, how many files of folders and archives are no pictures, by ending.
    """

    def __init__(self, words: Sequence[str], lists: Sequence[Path] = ()) -> None:
        self.words = list(words)
        self.lists = list(lists)
        self.others: Counter[str] = Counter()

    def check(self) -> None:
        """See that all that was named is there, before anything is listed.

        Raises:
            MissingFileError: if it is not; the message names it.
        """
        for path in (*self.words, *map(str, self.lists)):
            if not ("://" in path or os.path.exists(path) or glob.has_magic(path)):
                raise MissingFileError(f"{path}: there is no such file or folder; check the path.")

    def items(self) -> Iterator[Item]:
        """Each picture, as it is found. A folder, an archive or a table that cannot be read further is an item, too.

        Raises:
            InputError: if a URL or a table makes no sense; the message names it.
            MissingFileError: if a source is not there.
        """
        self.others.clear()
        for word in self.words:
            yield from self._of_word(word)
        for listing in self.lists:
            yield from self._of_list(listing)

    def _of_word(self, word: str) -> Iterator[Item]:
        if "://" in word:
            yield from self._of_url(word)
        elif os.path.isdir(word):
            yield from self._of_folder(word)
        elif not os.path.exists(word) and glob.has_magic(word):
            found = False
            for match in glob.iglob(word, recursive=True):
                found = True
                yield from self._of_word(match)
            if not found:
                raise MissingFileError(f"{word}: fits no file; check the pattern.")
        else:
            yield from self._of_file(word)

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
        """Depth first; only the names of folders that are still to be looked into are kept."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                entries = os.scandir(folder)
            except OSError as error:
                yield _faulty(folder, f"cannot be listed ({error.strerror}); check your rights, then --retry-failed")
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

    def _of_tar(self, path: str) -> Iterator[Item]:
        try:
            with tarfile.open(path, "r:") as archive:
                for member in archive:
                    archive.members.clear()  # type: ignore[attr-defined]  # would hold all that were seen
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
                # Without its last, empty block an archive ends in silence wherever it was cut off.
                if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                    yield _faulty(path, "its end is missing, and maybe pictures with it; copy it again")
        except (tarfile.TarError, OSError) as error:
            yield _faulty(path, f"no tar archive that can be read to its end ({error}); copy it again, unpack .tar.gz")

    def _of_list(self, path: Path) -> Iterator[Item]:
        with reading(path), path.open("rb") as file:
            separator = b"\0" if b"\0" in file.read(65536) else b"\n"
            file.seek(0)
            for line in _split(file, separator):
                word = os.fsdecode(line.removesuffix(b"\r")) if separator == b"\n" else os.fsdecode(line)
                if word.strip():
                    yield from self._named(word)

    def _named(self, word: str) -> Iterator[Item]:
        """What a list or table names: one that is not there is a picture that fails, not the end of the scan."""
        if "://" in word:
            yield from self._of_url(word) if word.endswith("/") else [Item(word, 0, "", word)]
        else:
            yield from self._of_folder(word) if os.path.isdir(word) else [_of_path(word)]

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
            yield _faulty(path, f"no Parquet file that can be read to its end ({error}); copy it again")

    def _of_cell(self, value: Any, name: str, path: str, stamp: str) -> Iterator[Item]:
        content = value.get("bytes") if isinstance(value, dict) else value
        if isinstance(content, bytes):
            yield Item(name, len(content), stamp, path, content=content)
        elif isinstance(content, str):
            yield from self._named(content)
        else:
            yield _faulty(name, "this row holds no picture; leave it out", stamp)

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
        return Item(path, -1, "", path)  # reading it will say what is wrong
    return Item(path, facts.st_size, str(facts.st_mtime_ns), path)


def _split(file: Any, separator: bytes) -> Iterator[bytes]:
    """The parts of a file between separators, a block at a time."""
    rest = b""
    while block := file.read(1 << 20):
        *whole, rest = (rest + block).split(separator)
        yield from whole
    if rest:
        yield rest


def _column(schema: Any, path: str) -> str:
    """The column that holds pictures, as bytes or as a struct with bytes, or names them."""
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
        f"{path}: no column of it holds or names pictures; call the one that does bytes or path, not one of"
        f" {', '.join(schema.names[:8])}."
    )
