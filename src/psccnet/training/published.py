"""Published pictures in a recipe: those of `data.sets` to train on, those of `data.validation_sets` to validate on."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from psccnet.datasets.catalogue import CATALOGUE, find
from psccnet.datasets.choosing import by_manipulation, first_by_hash
from psccnet.datasets.entry import Entry
from psccnet.datasets.listing import read_listing
from psccnet.errors import InputError
from psccnet.synthesis import Photographs

log = logging.getLogger(__name__)


def find_set(words: str, field: str) -> tuple[str, list[Entry]]:
    """The usable pictures of a set given as NAME=FOLDER or NAME/SPLIT=FOLDER; how many are left out is said.

    Args:
        words: the set, as the recipe has it.
        field: of the recipe, for messages.

    Returns:
        The name with its split, and the pictures.

    Raises:
        InputError: if the words are not of this form, or there is no such set or split.
        MissingFileError: if there is no such folder.
    """
    full_name, equals, folder = words.partition("=")
    name, _, split = full_name.partition("/")
    if not equals:
        raise InputError(f"{field}: {words!r} is not NAME=FOLDER, such as casia2=downloads/CASIA2.")
    found = find(name, Path(folder), split or None)
    if found.faults:
        text = "%s: %d files left out; psccnet datasets check %s %s names them"
        log.warning(text, words, len(found.faults), name, folder)
    return full_name, found.entries


def find_validation_sets(all_words: Sequence[str], at_most: int | None) -> dict[str, list[Entry]]:
    """The pictures to validate on, by set.

    Args:
        all_words: each a listing (a CSV, or a folder with index.csv), whose column `set` makes several sets of it,
            or NAME=FOLDER.
        at_most: pictures of each set and manipulation, chosen by a hash of their names: the same in every run; None
            for all.

    Raises:
        InputError: if one of them is no such set, has no usable picture, or two sets have one name.
        MissingFileError: if there is no such file or folder.
    """
    sets: dict[str, list[Entry]] = {}
    for words in all_words:
        found: dict[str, list[Entry]] = {}
        name, equals, _ = words.partition("=")
        if equals and (name.partition("/")[0] in CATALOGUE or not Path(words).exists()):
            name, entries = find_set(words, "data.validation_sets")
            found[name.replace("/", "-")] = entries
        else:
            path = Path(words)
            for entry in read_listing(path):
                found.setdefault(entry.set or (path if path.is_dir() else path.parent).resolve().name, []).append(entry)
        for name, entries in found.items():
            if name in sets:
                raise InputError(f"data.validation_sets: two sets are called {name}; name each once.")
            if not entries:
                raise InputError(
                    f"data.validation_sets: {words} has no usable pictures; psccnet datasets check says why."
                )
            sets[name] = [one for kind in by_manipulation(entries) for one in first_by_hash(kind, at_most)]
    return sets


def check_apart(
    validated: Iterable[Entry], trained: Iterable[Entry], photographs: Photographs | None, folders: Iterable[Path]
) -> None:
    """Refuse to train on pictures that are validated on.

    Args:
        validated: the entries to validate on.
        trained: those of the sets to train on.
        photographs: hosts and donors, where pictures are synthesised.
        folders: of the photographs and the objects; what lies in archives cannot be compared.

    Raises:
        InputError: if a file is in both, by whatever path; the message names it.
    """
    kept = {identity: entry.image for entry in validated if (identity := _identity(entry.image)) is not None}
    for path in _trained_files(trained, photographs, folders):
        identity = _identity(path)
        if identity in kept:
            raise InputError(f"{path} is to be trained and validated on; take it out of one of them.")


def _trained_files(
    trained: Iterable[Entry], photographs: Photographs | None, folders: Iterable[Path]
) -> Iterator[Path]:
    for entry in trained:
        yield entry.image
    photograph_folder, *others = folders
    for name in photographs.names if photographs is not None else ():
        yield photograph_folder / name
    for folder in others:
        yield from folder.rglob("*")


def _identity(path: Path) -> tuple[int, int] | None:
    """Tells a file whatever its path; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
