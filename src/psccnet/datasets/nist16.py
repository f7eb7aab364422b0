"""NIST Nimble Challenge 2016 (NC2016 Test0613): 564 forged and 560 pristine pictures."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from psccnet.datasets.entry import UNSPECIFIED, Entry, Found, Problem
from psccnet.datasets.folders import identifier
from psccnet.errors import InputError
from psccnet.pictures.whole_files import read_text

_TEST = """
0313 0516 0587 0758 0766 0796 0871 1437 1562 1616 1718 1777 1893 1987 2031 2122 2202 2942 3475 3627 3660 3666 3854 3938
4166 4326 4399 4427 4498 4604 4620 4651 4875 4937 4940 4962 4993 5240 5243 5270 5275 5290 5300 5307 5442 5444 5929 6233
6438 6450 6519 6607 6623 6625 6725 6757 6806 6890 7094 7152 7344 7354 7511 7561 7572 7580 7652 7691 7737 7747 7759 7772
7834 7865 7872 7878 7881 7882 7890 7894 7921 7953 7956 8051 8065 8067 8127 8148 8183 8236 8253 8265 8266 8350 8371 8411
8450 8500 8581 8586 8606 8618 8629 8682 8714 8720 8736 8738 8754 8769 8796 8834 8897 8900 8909 8926 8965 8980 9009 9014
9038 9055 9091 9109 9112 9191 9235 9241 9272 9317 9347 9381 9415 9437 9445 9453 9463 9513 9534 9541 9573 9628 9629 9647
9653 9691 9727 9759 9766 9781 9789 9790 9818 9822 9857 9868 9904 9962 9984 9994
"""
TEST = frozenset(_TEST.split())
"""Numbers of the 160 probes for testing fine-tuned models (Table I), from the released repository."""
_TABLE = "NC2016-manipulation-ref.csv"
_COLUMNS = ("ProbeFileName", "ProbeMaskFileName", "IsTarget")
_FLAGS = {
    "IsManipulationTypeSplice": "splicing",
    "IsManipulationTypeRemoval": "removal",
    "IsManipulationTypeCopyClone": "copy-move",
}


def find_nist16(root: Path) -> Found:
    """Find the probes of `reference/manipulation/NC2016-manipulation-ref.csv`; its paths are relative to the set.

    The table also covers the splicing and removal tasks. Its columns are separated by bars, in some copies by commas.
    Masks are black where forged. A probe in several rows is one picture, forged where any of its masks is.
    """
    found = Found()
    tables = sorted(root.rglob(_TABLE))
    if not tables:
        text = "is missing: it says which probes are forged"
        found.problems.append(Problem("no picture", f"reference/manipulation/{_TABLE}", text))
        return found
    top = tables[0].parent.parent.parent
    masks: dict[str, dict[Path, None]] = {}
    kinds: dict[str, str] = {}
    with io.StringIO(read_text(tables[0]), newline="") as file:
        header = file.readline()
        file.seek(0)
        reader = csv.DictReader(file, delimiter="|" if "|" in header else ",")
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise InputError(f"{tables[0]}: the column {missing[0]} is missing; download the table again.")
        for row in _rows(reader, tables[0]):
            probe = row["ProbeFileName"]
            masks.setdefault(probe, {})
            if (row["IsTarget"] or "").strip().upper() != "Y":
                kinds.setdefault(probe, "pristine")
                continue
            kinds[probe] = next(
                (kind for flag, kind in _FLAGS.items() if (row.get(flag) or "").strip().upper() in ("Y", "1", "TRUE")),
                UNSPECIFIED,
            )
            if row["ProbeMaskFileName"]:
                masks[probe][top / row["ProbeMaskFileName"]] = None
    for probe, kind in kinds.items():
        path = top / probe
        if not path.is_file():
            found.problems.append(Problem("no picture", probe, "is listed but missing"))
            continue
        first, *others = masks[probe] or [None]
        more = tuple(mask for mask in others if mask is not None)
        found.add(Entry(identifier(path, root), path, first, kind, "nist16", "black", more_masks=more))
    return found


def _rows(reader: "csv.DictReader[str]", table: Path) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise InputError(f"{table}: not a table with one row per line; download it again.") from error


def split_of_nist16(entry: Entry) -> str:
    """Table I's split: "test" for the 160 listed probes, "train" for the other forged ones.

    Examples:
        >>> name = f"probe/NC2016_{min(TEST)}.jpg"
        >>> split_of_nist16(Entry(name, Path(name), Path("mask.png"), "splicing"))
        'test'
    """
    return "test" if entry.image.stem.rpartition("_")[2] in TEST else "train"
