"""MS COCO: pristine pictures, and annotated objects to paste and to remove."""

from pathlib import Path

from psccnet.datasets.entry import Entry, Found, Problem
from psccnet.datasets.folders import identifier, pictures_below


def find_coco(root: Path) -> Found:
    """The pictures of `train2017/` and the like, all pristine, and the faults of `annotations/instances_*.json`.

    `psccnet synthesize` pastes the annotated objects.
    """
    found = Found()
    for path in pictures_below(root):
        found.add(Entry(identifier(path, root), path, None, "pristine", "coco"))
    annotations = sorted(root.rglob("instances_*.json"))
    if not annotations:
        text = "is missing: without annotations only random contours can be pasted and removed"
        found.problems.append(Problem("no picture", "annotations/instances_*.json", text))
    elif found.entries:
        from psccnet.synthesis.objects import Objects
        from psccnet.synthesis.photographs import Photographs

        pool = Photographs.open(root)
        for path in annotations:
            faults = Objects.open(path, pool).left_out
            found.problems += [Problem("outside", name, reason) for name, reason in faults.items()]
    return found
