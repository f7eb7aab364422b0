"""Files in a folder or in an uncompressed tar archive, with random access from any number of processes."""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from psccnet.errors import InputError, MissingFileError
from psccnet.pictures.whole_files import reading


@dataclass(frozen=True)
class StoredFile:
    """Where a file's bytes are: `size` bytes at `offset` of an archive, or a whole file if `size` is None."""

    path: str
    offset: int = 0
    size: int | None = None

    def read(self) -> bytes:
        """Return the file's bytes; OSError if it cannot be read."""
        if self.size is None:
            return Path(self.path).read_bytes()
        return os.pread(_descriptor(self.path), self.size, self.offset)

    def length(self) -> int:
        """Return the file's size in bytes; OSError if it does not exist."""
        return os.stat(self.path).st_size if self.size is None else self.size


@cache
def _descriptor(path: str) -> int:
    # pread uses no file position, so threads and forked workers can share a descriptor; spawned ones open their own.
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def list_files(path: Path) -> Iterator[tuple[str, StoredFile]]:
    """Yield (name, file) of a folder (recursively) or a tar archive; names are relative, with slashes.

    Raises:
        MissingFileError: `path` does not exist.
        InputError: `path` cannot be read, or is neither a folder nor an uncompressed tar archive.
    """
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file():
                yield file.relative_to(path).as_posix(), StoredFile(str(file))
        return
    if not path.exists():
        raise MissingFileError(f"no such folder or tar archive: {path}")
    try:
        with reading(path), tarfile.open(path, "r:") as archive:
            for member in archive:
                if member.isfile():
                    yield (
                        member.name.removeprefix("./"),
                        StoredFile(str(path), member.offset_data, member.size),
                    )
    except tarfile.TarError as error:
        raise InputError(f"not an uncompressed tar archive, or truncated: {path}") from error
