"""`psccnet datasets`: which data sets are read, and whether one is whole."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from psccnet.cli.inputs import MaskRuleName
from psccnet.cli.progress import progress


def list_datasets() -> None:
    """List the data sets that are read as they are published: name, pictures, use, layout.

    Example:

        psccnet datasets list
    """
    from psccnet.datasets.catalogue import CATALOGUE

    for one in CATALOGUE.values():
        counts = [f"{n:,} {word}" for n, word in ((one.forged, "forged"), (one.pristine, "pristine")) if n is not None]
        print(f"{one.name:<10} {one.use:<9} {one.title}{': ' + ', '.join(counts) if counts else ''}")
        print(f"{'':<20} {one.layout}")


def check(
    name: str,
    folder: Path,
    /,
    *,
    mask_rule: MaskRuleName | None = None,
    whole: Annotated[bool, Parameter(negative=())] = False,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    write_sha256: Path | None = None,
    verify_sha256: Path | None = None,
) -> int:
    """Say in words what of a data set is there, what is missing and which masks do not fit.

    Exit status 1 if the set is not whole or a checksum differs.

    For example:

        psccnet datasets check casia1 downloads/CASIA1/

        psccnet datasets check columbia downloads/columbia/ --write-sha256 columbia.sha256

    Args:
        name: of the data set; `psccnet datasets list` lists them.
        folder: that it was unpacked in.
        mask_rule: what in the masks of a list or folder of one's own is forged: white, black, nonzero or green; in a
            recipe, folders:black=FOLDER.
        whole: decode the pictures, too, which finds truncated and damaged ones and takes longer than reading their
            headers.
        every: name all files of a problem, not the first five.
        write_sha256: write the checksums of all files to this file, as sha256sum does.
        verify_sha256: compare all files with such a list.
    """
    from psccnet.datasets.catalogue import data_set, find
    from psccnet.datasets.check import check_files, is_whole, report, usable, verify_checksums, write_checksums

    words = f"{name}:{mask_rule}" if mask_rule else name
    chosen, _ = data_set(words)
    found = find(words, folder)
    found = usable(found, progress(check_files(found.entries, whole), "pictures", len(found.entries)))
    print(report(chosen, folder, found, every))
    status = 0 if is_whole(chosen, found) else 1
    if write_sha256 is not None:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path != write_sha256)
        count = write_checksums(folder, write_sha256, progress(files, "files"))
        print(f"  {count:,} checksums written to {write_sha256}")
    if verify_sha256 is not None:
        compared = list(progress(verify_checksums(folder, verify_sha256), "files"))
        wrong = [(file, state) for file, state in compared if state != "ok"]
        print(f"  {len(compared) - len(wrong):,} of {len(compared):,} files are as {verify_sha256} says")
        for file, state in wrong:
            print(f"    {file}: {state}", file=sys.stderr)
        status = status or (1 if wrong else 0)
    return status
