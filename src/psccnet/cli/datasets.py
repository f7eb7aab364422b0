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


def export(
    name: str, folder: Path, out: Path, /, *, mask_rule: MaskRuleName | None = None, set_format: str = "imdlbenco"
) -> int:
    """Write a data set in the format of another project: pictures, masks, and a list of both.

    Exit status 1 if some pictures could not be used; they are named and left out.

    For example:

        psccnet datasets export listing validation/ exported/

    Args:
        name: of the data set; see psccnet datasets list.
        folder: that it was unpacked in.
        out: folder for Tp, Gt, Au, pairs.json and names.csv.
        mask_rule: which pixels are forged in the masks of your own list or folder: white, black, nonzero or green.
        set_format: imdlbenco (ManiDataset and JsonDataset), which is the only one.
    """
    from psccnet.cli.progress import report_left_out
    from psccnet.datasets.catalogue import find
    from psccnet.datasets.imdlbenco_export import NAMES, export_imdlbenco
    from psccnet.errors import InputError

    if set_format != "imdlbenco":
        raise InputError(f"--set-format: there is no {set_format!r}; known is imdlbenco")
    if (out / NAMES).exists():
        raise InputError(f"{out}: holds an export already; name another folder, or delete this one")
    found = find(f"{name}:{mask_rule}" if mask_rule else name, folder)
    failures = [str(fault) for fault in found.faults]
    written = list(progress(export_imdlbenco(found.entries, out, failures), "pictures", len(found.entries)))
    print(f"{len(written)} pictures written to {out}; psccnet datasets collect takes the masks back")
    return report_left_out(failures)


def collect(exported: Path, predictions: Path, out: Path, /) -> int:
    """Collect the masks that IMDL-BenCo made for an export, for --comparator NAME=FOLDER.

    Exit status 1 if some pictures have no mask; they are named.

    For example:

        psccnet datasets collect exported/ save_img_dir/ masks/mvss/

    Args:
        exported: folder written by psccnet datasets export.
        predictions: --output_dir of IMDL-BenCo's test_save_images.py.
        out: folder for the masks, named after the pictures, and for scores.csv if the model scores pictures.
    """
    from psccnet.cli.progress import report_left_out
    from psccnet.datasets.imdlbenco_export import collect_imdlbenco

    taken, missing = collect_imdlbenco(exported, predictions, out)
    print(f"{taken} masks taken; measure them by --comparator NAME={out}")
    return report_left_out(missing)
