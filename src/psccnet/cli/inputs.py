"""Find the pictures that the arguments of a command line name."""

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from psccnet.errors import MissingFileError
from psccnet.pictures.name_lists import names_in
from psccnet.pictures.picture_files import find_pictures

RESULTS = (".mask.png", ".mask16.png", ".overlay.png", ".masks.png", ".confidence.png")
"""Endings of the drawings of `psccnet detect --out`, the same as in `psccnet.inference.result_folder`."""
_EVIDENCE = re.compile(r"-evidence-[a-z-]+\.png$")
"""Endings of its drawings of findings."""
MANIFEST = "psccnet-results.jsonl"
"""The name of its manifest."""

BackendName = Literal["auto", "openvino", "onnx", "torch"]
MaskRuleName = Literal["white", "black", "nonzero", "green"]
"""The same as `psccnet.pictures.masks.MaskRule`, without its imports."""


class Input(NamedTuple):
    """An input: what to open, and the name of its output relative to the output folder, if that name is free."""

    source: str
    output: Path


class Finder:
    """Finds the pictures that names stand for, one by one.

    The output of a file has the file's name, that of a folder's picture its path relative to the folder. A name that
    matches nothing is an input too, so that opening it gives the error.

    Args:
        out: folder of outputs; results of an earlier run in it are not inputs.
        failed: called with a sentence for each folder that cannot be listed and each link to a missing file.

    Attributes:
        others: number of files in folders that are not pictures, by ending.
    """

    def __init__(self, out: Path | None = None, failed: Callable[[str], None] = lambda _: None) -> None:
        self.out = out.resolve() if out is not None else None
        self.failed = failed
        self.others: Counter[str] = Counter()

    def find(self, names: Sequence[str]) -> Iterator[Input]:
        """Yield the inputs of a command line: files, folders, globs, and `-` for standard input."""
        for name in names:
            # os.path, since Path.exists raises for names that are too long, which would stop the others.
            if name == "-":
                yield Input("-", Path("stdin"))
            elif not os.path.exists(name) and glob.has_magic(name):
                matches = sorted(glob.glob(name, recursive=True))
                yield from self.find(matches) if matches else self._named(name)
            else:
                yield from self._named(name)

    def find_listed(self, listing: Path) -> Iterator[Input]:
        """Yield the inputs of a list of files and folders; see `psccnet.pictures.name_lists`.

        Args:
            listing: the file; "-" is standard input.

        Raises:
            MissingFileError: if there is no such file.
            InputError: if it cannot be read.
        """
        for name in names_in(listing):
            yield from self._named(name)

    def _named(self, name: str) -> Iterator[Input]:
        if os.path.isdir(name):
            yield from self._in_folder(Path(name))
        else:
            yield Input(name, Path(Path(name).name))

    def _in_folder(self, folder: Path) -> Iterator[Input]:
        manifest = (
            self.out is not None and self.out.is_relative_to(folder.resolve()) and (self.out / MANIFEST).is_file()
        )
        others: Counter[str] = Counter()
        try:
            for path in find_pictures(folder, True, others, self.failed):
                if self.out is None or not (_is_result(path.name) and path.resolve().is_relative_to(self.out)):
                    yield Input(str(path), path.relative_to(folder))
        finally:
            if manifest:
                others -= Counter([Path(MANIFEST).suffix])
            self.others.update(others)


def check_lists(listings: Sequence[Path]) -> None:
    """Check that lists exist before anything else is done.

    Raises:
        MissingFileError: if one does not; the message names it.
    """
    for listing in listings:
        if str(listing) != "-" and not listing.exists():
            raise MissingFileError(f"{listing}: there is no such list; check the path.")


def _is_result(name: str) -> bool:
    return name.endswith(RESULTS) or _EVIDENCE.search(name) is not None
