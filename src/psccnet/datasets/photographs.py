"""A pool of photographs with random access: hosts and donors of synthetic forgeries."""

import hashlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any, Self

from psccnet.datasets.archives import StoredFile, list_files
from psccnet.datasets.tables import read_table
from psccnet.errors import InputError, PictureError, UnusableFileError
from psccnet.pictures.cameras import camera_of_exif, camera_of_name
from psccnet.pictures.damage import examine_jpeg
from psccnet.pictures.decoding import decode
from psccnet.pictures.encoding import decode_as_stored
from psccnet.pictures.opening import is_jpeg
from psccnet.pictures.picture_files import is_picture
from psccnet.pictures.sample import Picture

_INDEX = "index.csv"
_OBJECTS = "objects.tar"


class Photographs:
    """Photographs in a folder, in a tar archive or in a folder of tar archives, sorted by name.

    The pool holds file positions, not pictures, and can be pickled to data loader workers. Each process caches the
    photographs that it decoded last.
    """

    def __init__(self, files: dict[str, StoredFile], cache_size: int = 64, split: str | None = None) -> None:
        """Make a pool of named files; each process caches `cache_size` decoded photographs."""
        self.split = split
        self._names = tuple(sorted(files))
        self._files = tuple(files[name] for name in self._names)
        self._index = {name: i for i, name in enumerate(self._names)}
        basenames = [PurePosixPath(name).name for name in self._names]
        self._basenames = {name: i for i, name in enumerate(basenames)} if len({*basenames}) == len(basenames) else {}
        self._cache_size = cache_size
        self._cache: dict[int, Picture] = {}
        self._whole: set[int] = set()  # checked for damage, which takes a third of the time of decoding
        self._cameras: dict[int, str | None] = {}

    @classmethod
    def open(cls, path: str | Path, split: str | None = None, cache_size: int = 64) -> Self:
        """Find the photographs under `path`.

        Args:
            path: a folder of pictures (searched recursively), an uncompressed tar archive, or a folder of
                such archives. A folder may hold an `index.csv` with the columns `file` and `split`.
                `objects.tar` holds cut-out objects and is never part of the pool.
            split: keep only the photographs of this split of the index.
            cache_size: number of decoded photographs that each process caches.

        Raises:
            MissingFileError: `path` does not exist.
            InputError: no photograph was found, two have the same name, or a split is given without an index.
        """
        path = Path(path)
        archives = [file for file in sorted(path.glob("*.tar")) if file.name != _OBJECTS] if path.is_dir() else []
        files: dict[str, StoredFile] = {}
        for root in archives or [path]:
            for name, file in list_files(root):
                if not is_picture(name):
                    continue
                if name in files:
                    raise InputError(f"two photographs are called {name} under {path}")
                files[name] = file
        if split is not None:
            members = _split_members(path / _INDEX, split)
            files = {name: file for name, file in files.items() if name in members}
        if not files:
            raise InputError(f"no photographs under {path}" + (f" in split {split!r}" if split else ""))
        return cls(files, cache_size, split)

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self._names)

    @property
    def names(self) -> tuple[str, ...]:
        """The photographs' names, sorted; position i belongs to `read(i)`."""
        return self._names

    def find(self, name: str) -> int | None:
        """Return the position of the photograph called `name`, or None if the pool does not hold it.

        Annotations often name a file without its folder, which is accepted if no two files have the same name.
        """
        return self._index.get(name, self._basenames.get(name))

    def camera(self, i: int) -> str | None:
        """Return the camera that took photograph `i`, from its name or else its EXIF; None if neither names it."""
        if i not in self._cameras:
            try:
                self._cameras[i] = camera_of_name(self._names[i]) or camera_of_exif(self._files[i].read())
            except OSError:
                self._cameras[i] = None  # `read` reports the error
        return self._cameras[i]

    def part(self, names: Collection[str]) -> "Photographs":
        """Return a pool of some of the photographs, by name."""
        files = dict(zip(self._names, self._files, strict=True))
        return Photographs({name: files[name] for name in names}, self._cache_size, self.split)

    def fingerprint(self) -> str:
        """A SHA-256 of the photographs' names and sizes, which identifies the pool."""
        lines = (f"{name} {file.length()}\n" for name, file in zip(self._names, self._files, strict=True))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def read(self, i: int) -> Picture:
        """Decode photograph `i`: HxWx3 uint8 RGB, read-only, as stored (EXIF orientation is ignored).

        Raises:
            UnusableFileError: the file is not a picture, is truncated, or cannot be read.
        """
        picture = self._cache.get(i)
        if picture is None:
            try:
                data = self._files[i].read()
            except OSError as error:
                raise UnusableFileError(self._names[i], f"cannot be read ({error.strerror})") from error
            picture = _decoded(data, self._names[i], i in self._whole)
            self._whole.add(i)
            picture.flags.writeable = False
            self._cache[i] = picture
            # First in, first out, since draws are uniform. Single dict operations need no lock.
            for oldest in list(self._cache)[: max(0, len(self._cache) - self._cache_size)]:
                self._cache.pop(oldest, None)
        return picture

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the cache of decoded photographs."""
        return {**self.__dict__, "_cache": {}}


def _split_members(index: Path, split: str) -> frozenset[str]:
    if not index.is_file():
        raise InputError(f"split {split!r} was given, but there is no {index}")
    rows = read_table(index, ("file", "split"))
    return frozenset(row.cells["file"] for row in rows if row.cells["split"] == split)


def _decoded(data: bytes, name: str, examined: bool) -> Picture:
    """The pixels of a photograph's file as stored; the file is checked for damage unless `examined`."""
    if is_jpeg(data):
        if not examined:
            found = examine_jpeg(data)
            if found.fault:
                raise UnusableFileError(name, f"truncated or damaged ({found.fault})")
            data = found.mended or data
        return decode_as_stored(data, name)
    try:
        return decode(data, name=name, upright=False).pixels
    except PictureError as error:
        raise UnusableFileError(name, str(error).removeprefix(f"{name}: ")) from error
