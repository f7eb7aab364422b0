"""MS COCO: pristine pictures, and annotated objects to paste and to remove."""

from pathlib import Path

from psccnet.datasets.annotations import read_annotations
from psccnet.datasets.archives import StoredFile
from psccnet.datasets.entry import Entry, Found, Problem
from psccnet.datasets.folders import identifier, pictures_below
from psccnet.datasets.photographs import Photographs


def find_coco(root: Path) -> Found:
    """Find the pictures of `train2017/` and similar folders, all pristine; check `annotations/instances_*.json`.

    `psccnet synthesize` pastes the annotated objects.
    """
    found = Found()
    # PNG files are masks of panoptic and stuff annotations.
    for path in pictures_below(root):
        if path.suffix.lower() in (".jpg", ".jpeg"):
            found.add(Entry(identifier(path, root), path, None, "pristine", "coco"))
    annotations = sorted(root.rglob("instances_*.json"))
    if not annotations:
        text = "is missing: without annotations, only random contours can be pasted and removed"
        found.problems.append(Problem("no picture", "annotations/instances_*.json", text))
    elif found.entries:
        pool = Photographs.open(root)
        for path in annotations:
            _, faults = read_annotations(StoredFile(str(path)), path.name, pool)
            found.problems += [
                Problem("outside" if reason.startswith("reaches") else "odd", name, reason)
                for name, reason in faults.items()
            ]
    return found
