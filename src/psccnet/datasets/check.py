"""Check that a data set is complete: counts, missing files, masks that do not fit; and lists of checksums."""

import fnmatch
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from psccnet.datasets.catalogue import DataSet
from psccnet.datasets.entry import Entry, Found, Problem
from psccnet.errors import InputError, MissingFileError, PictureError
from psccnet.pictures.conversion import TURNED
from psccnet.pictures.damage import NO_END
from psccnet.pictures.decoding import read_header
from psccnet.pictures.sample import Sample
from psccnet.pictures.whole_files import read_text, reading, write_whole

_NAMED = 5
"""So many files of one problem are named; the others are counted."""
_LEFT_OUT = ("no mask", "no pair", "another size", "unreadable", "unknown")
_MOST = 0.99
"""This share of a set's pictures must be usable: every large set is published with a few masks that do not fit."""
_TITLES = {
    "no mask": "forged pictures without a mask, left out",
    "no pair": "files that cannot be paired, left out",
    "no picture": "files that are missing",
    "another size": "masks that do not fit their pictures, left out",
    "unreadable": "files that cannot be read, left out",
    "not read": "kinds of files that are not supported, skipped",
    "twice": "pictures listed twice",
    "outside": "annotations outside their pictures, left out",
    "odd": "malformed annotations, left out",
    "unknown": "pictures of unknown kind, left out",
    "repaired": "pictures repaired on reading",
}


def check_files(entries: Iterable[Entry], whole: bool = False) -> Iterator[tuple[Entry, Problem | None]]:
    """Read the header of each picture, and its masks completely, as evaluation and training do.

    Args:
        entries: of a data set.
        whole: also decode the pictures, which finds truncated and damaged ones.

    Yields:
        Each entry with what is wrong with it, or None; "repaired" entries are usable.
    """
    for entry in entries:
        try:
            is_file = entry.image.is_file()  # not so for a record of a database
            problem = _fit(entry) if is_file else None
            if not (problem and problem.left_out) and (whole or not is_file):
                problem = _odd(entry, entry.read()) or problem
        except MissingFileError as error:
            problem = Problem("no picture", entry.id, str(error))
        except PictureError as error:
            problem = Problem("unreadable", entry.id, str(error))
        yield entry, problem


def _odd(entry: Entry, sample: Sample) -> Problem | None:
    """The problem of a picture of whose file only the end marker is missing."""
    return Problem("repaired", entry.id, f"is used, but {NO_END}") if NO_END in sample.notes else None


def _fit(entry: Entry) -> Problem | None:
    """Compare the sizes in the headers, then read the masks."""
    header = read_header(entry.image)
    size = (header.width, header.height)
    repaired = None
    for mask in (entry.mask, *entry.more_masks):
        if mask is None:
            continue
        own = read_header(mask)
        other = (own.width, own.height)
        fitting = {size} if own.orientation != 1 else {size, size[::-1] if header.orientation in TURNED else size}
        if other in fitting:
            continue
        text = f"{size[0]} x {size[1]}, its mask {mask.name} {other[0]} x {other[1]}"
        if not entry.resize:
            turned = ", turned by 90 degrees" if other == size[::-1] else ""
            upright = (
                f" once turned upright by EXIF orientation {header.orientation}" if header.orientation != 1 else ""
            )
            return Problem("another size", entry.id, f"is {text}{turned}{upright}")
        repaired = Problem("repaired", entry.id, f"is {text}; a known fault of the set, so the mask is resized")
    entry.truth(header.height, header.width, header.orientation)
    return repaired


def usable(found: Found, checked: Iterable[tuple[Entry, Problem | None]]) -> Found:
    """The entries that passed `check_files`, with all problems."""
    result = Found(problems=list(found.problems))
    for entry, problem in checked:
        if problem is not None:
            result.problems.append(problem)
        if not (problem and problem.left_out):
            result.entries.append(entry)
    return result


def report(data_set: DataSet, root: Path, found: Found, every: bool = False) -> str:
    """Report what a folder has of a data set and what is missing, as text.

    Args:
        data_set: the set that is expected.
        root: its folder.
        found: what was found.
        every: name every file of a problem, not only the first few.
    """
    forged = sum(entry.forged for entry in found.entries)
    pristine = len(found.entries) - forged
    lines = [f"{data_set.title} in {root}"]
    lines.append(f"  usable: {_of(forged, data_set.forged)} forged, {_of(pristine, data_set.pristine)} pristine")
    kinds = Counter(entry.manipulation for entry in found.entries if entry.forged)
    if kinds:
        lines.append("  " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    # Masks may have other names, as long as they were found.
    paths = ["/" + path.relative_to(root).as_posix().lower() for path in root.rglob("*")] if data_set.parts else []
    absent = [
        f"{description}: {glob}"
        for glob, description in data_set.parts.items()
        if not (forged and description.startswith("masks")) and not fnmatch.filter(paths, f"*/{glob.lower()}")
    ]
    if absent:
        lines.append("  not found:")
        lines += [f"    {part}" for part in absent]
    problems: dict[str, list[Problem]] = {}
    for problem in found.problems:
        problems.setdefault(problem.kind, []).append(problem)
    for kind, title in _TITLES.items():
        of_kind = problems.get(kind, [])
        if of_kind:
            lines.append(f"  {len(of_kind)} {title}:")
            shown = of_kind if every else of_kind[:_NAMED]
            lines += [f"    {problem}" for problem in shown]
            if len(shown) < len(of_kind):
                lines.append(f"    and {len(of_kind) - len(shown)} more (--all names them)")
    lines.append(f"  {_verdict(data_set, found, bool(absent))}")
    return "\n".join(lines)


def is_whole(data_set: DataSet, found: Found) -> bool:
    """Whether at least 99 % of a set's pictures are usable and none is missing.

    For sets without a fixed number of pictures: whether there are pictures and none was left out.
    """
    if data_set.forged is None and data_set.pristine is None:
        return bool(found.entries) and not found.faults
    forged = sum(entry.forged for entry in found.entries)
    most = forged >= _MOST * (data_set.forged or 0)
    most &= len(found.entries) - forged >= _MOST * (data_set.pristine or 0)
    return bool(found.entries) and most and _missing(data_set, found) == 0


def _missing(data_set: DataSet, found: Found) -> int:
    """The number of missing pictures, of those that the set has or lists."""
    listed = sum(problem.kind == "no picture" for problem in found.problems)
    if data_set.forged is None and data_set.pristine is None:
        return listed
    # Pictures that were left out exist; whether they are forged is not always known.
    existing = len(found.entries) + sum(problem.kind in _LEFT_OUT for problem in found.problems)
    pristine = sum(not entry.forged for entry in found.entries) if data_set.pristine is None else 0
    return max(listed, (data_set.forged or 0) + (data_set.pristine or 0) - (existing - pristine), 0)


def _of(count: int, expected: int | None) -> str:
    return f"{count:,}" if expected is None else f"{count:,} of {expected:,}"


def _verdict(data_set: DataSet, found: Found, absent: bool) -> str:
    left_out = sum(problem.kind in _LEFT_OUT for problem in found.problems)
    if is_whole(data_set, found):
        return "The set is complete." if not left_out else f"All pictures are there; {left_out} cannot be used."
    if not found.entries and not left_out:
        return f"This is not the layout of {data_set.name}: {data_set.layout}."
    missing = _missing(data_set, found)
    reasons = [f"{missing:,} pictures are missing"] if missing else []
    reasons += [f"{left_out:,} cannot be used"] if left_out else []
    if data_set.own:
        return f"The set is incomplete: {' and '.join(reasons) or 'see above'}. Correct what is named above."
    mend = "Download what is named above" if absent or left_out else "Download the rest"
    return f"The set is incomplete: {' and '.join(reasons) or 'see above'}. {mend}, or give the folder above this one."


def write_checksums(root: Path, out: Path, files: Iterable[Path]) -> int:
    """Write a list of checksums in the format of `sha256sum`, with paths relative to `root`.

    Returns:
        The number of files in the list.
    """
    lines = [f"{_sha256(path)}  {path.relative_to(root).as_posix()}\n" for path in files]
    write_whole({out: "".join(lines).encode()})
    return len(lines)


def verify_checksums(root: Path, listing: Path) -> Iterator[tuple[str, str]]:
    """Compare files with a list of `write_checksums`.

    Yields:
        The name of each file and "ok", "missing" or "differs".

    Raises:
        InputError: if a line of the list is malformed; the message names it.
        MissingFileError: if there is no list.
    """
    if not listing.is_file():
        raise MissingFileError(f"{listing}: there is no such list of checksums.")
    for number, line in enumerate(read_text(listing).splitlines(), start=1):
        checksum, _, name = line.partition("  ")
        if len(checksum) != 64 or not name:
            raise InputError(f"{listing}, line {number}: not a checksum, two spaces and a path.")
        path = root / name
        yield name, "missing" if not path.is_file() else "ok" if _sha256(path) == checksum else "differs"


def _sha256(path: Path) -> str:
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
