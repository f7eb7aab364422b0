"""`psccnet datasets`: list the data sets, and check whether one is complete."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from psccnet.cli.inputs import MaskRuleName
from psccnet.cli.progress import progress


def list_datasets() -> None:
    """List the data sets that can be read as published: name, use, number of pictures, layout.

    Example:

        psccnet datasets list
    """
    from psccnet.datasets.catalogue import CATALOGUE

    for known in CATALOGUE.values():
        numbers = ((known.forged, "forged"), (known.pristine, "pristine"))
        counts = [f"{number:,} {kind}" for number, kind in numbers if number is not None]
        print(f"{known.name:<10} {known.use:<9} {known.title}{': ' + ', '.join(counts) if counts else ''}")
        print(f"{'':<20} {known.layout}")


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
    """Check a data set: report what is there, what is missing and which masks do not fit.

    Exit status 1 if the set is incomplete or a checksum differs.

    For example:

        psccnet datasets check casia1 downloads/CASIA1/

        psccnet datasets check columbia downloads/columbia/ --write-sha256 columbia.sha256

    Args:
        name: of the data set; see psccnet datasets list.
        folder: that it was unpacked in.
        mask_rule: which pixels are forged in the masks of your own list or folder: white, black, nonzero or green; in a
            recipe, write folders:black=FOLDER.
        whole: also decode the pictures, which finds truncated and damaged ones but takes longer than reading headers.
        every: name all files of a problem, not only the first five.
        write_sha256: write the checksums of all files to this file, in the format of sha256sum.
        verify_sha256: compare all files with such a list.
    """
    from psccnet.datasets.catalogue import data_set, find
    from psccnet.datasets.check import check_files, is_whole, report, usable, verify_checksums, write_checksums

    full_name = f"{name}:{mask_rule}" if mask_rule else name
    chosen, _ = data_set(full_name)
    found = find(full_name, folder)
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
        print(f"  {len(compared) - len(wrong):,} of {len(compared):,} files have the checksums in {verify_sha256}")
        for file, state in wrong:
            print(f"    {file}: {state}", file=sys.stderr)
        status = status or (1 if wrong else 0)
    return status
