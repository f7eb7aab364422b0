"""The data sets of a recipe: `data.sets` for training, `data.validation_sets` for validation."""

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


def find_set(data_set: str, field: str) -> tuple[str, list[Entry]]:
    """Find the usable pictures of a set; a warning says how many files are left out.

    Args:
        data_set: NAME=FOLDER or NAME/SPLIT=FOLDER, as in a recipe.
        field: of the recipe, for messages.

    Returns:
        The name with its split, and the pictures.

    Raises:
        InputError: if `data_set` has another form, or there is no such set or split.
        MissingFileError: if there is no such folder.
    """
    full_name, equals, folder = data_set.partition("=")
    name, _, split = full_name.partition("/")
    if not equals:
        raise InputError(f"{field}: {data_set!r} is not NAME=FOLDER, such as casia2=downloads/CASIA2.")
    found = find(name, Path(folder), split or None)
    if found.faults:
        text = "%s: %d files left out; psccnet datasets check %s %s names them"
        log.warning(text, data_set, len(found.faults), name, folder)
    return full_name, found.entries


def find_validation_sets(data_sets: Sequence[str], at_most: int | None) -> dict[str, list[Entry]]:
    """The pictures for validation, by set.

    Args:
        data_sets: each is a listing (a CSV, or a folder with index.csv), which its column `set` divides into sets, or
            NAME=FOLDER.
        at_most: largest number of pictures of each set and manipulation, chosen by a hash of their names, so that every
            run has the same ones; None for all.

    Raises:
        InputError: if one of them is not such a set, has no usable picture, or two sets have the same name.
        MissingFileError: if there is no such file or folder.
    """
    sets: dict[str, list[Entry]] = {}
    for data_set in data_sets:
        found: dict[str, list[Entry]] = {}
        name, equals, _ = data_set.partition("=")
        if equals and (name.partition("/")[0] in CATALOGUE or not Path(data_set).exists()):
            name, entries = find_set(data_set, "data.validation_sets")
            found[name.replace("/", "-")] = entries
        else:
            path = Path(data_set)
            for entry in read_listing(path):
                found.setdefault(entry.set or (path if path.is_dir() else path.parent).resolve().name, []).append(entry)
        for name, entries in found.items():
            if name in sets:
                raise InputError(f"data.validation_sets: two sets are called {name}; name each once.")
            if not entries:
                raise InputError(
                    f"data.validation_sets: {data_set} has no usable pictures; psccnet datasets check says why."
                )
            sets[name] = [entry for kind in by_manipulation(entries) for entry in first_by_hash(kind, at_most)]
    return sets


def check_apart(
    validated: Iterable[Entry], trained: Iterable[Entry], photographs: Photographs | None, folders: Iterable[Path]
) -> None:
    """Refuse to train on pictures for validation.

    Args:
        validated: entries for validation.
        trained: entries of the sets for training.
        photographs: hosts and donors, if pictures are synthesised.
        folders: of the photographs and the objects; files in archives cannot be compared.

    Raises:
        InputError: if a file is in both, even by different paths; the message names it.
    """
    kept = {identity: entry.image for entry in validated if (identity := _identity(entry.image)) is not None}
    for path in _trained_files(trained, photographs, folders):
        identity = _identity(path)
        if identity in kept:
            raise InputError(f"{path} is in both training and validation; remove it from one of them.")


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
    """Device and inode of a file, which are the same for all its paths; None if it does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
