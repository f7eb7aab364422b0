"""Sets for camera identification (KCMI, VISION, Dresden): photographs of known cameras."""

from pathlib import Path

from psccnet.datasets.entry import Entry, Found, Problem
from psccnet.datasets.folders import identifier, pictures_below
from psccnet.pictures.cameras import camera_of_exif, camera_of_name
from psccnet.pictures.whole_files import reading


def find_cameras(root: Path) -> Found:
    """Find pristine pictures of known cameras: hosts and donors of random-mask splicing.

    Pictures whose camera is neither in the path nor in the EXIF are left out.
    """
    found = Found()
    for path in pictures_below(root):
        name = identifier(path, root)
        with reading(path):
            known = camera_of_name(name) or camera_of_exif(path.read_bytes())
        if known:
            found.add(Entry(name, path, None, "pristine", "cameras"))
        else:
            found.problems.append(Problem("unknown", name, "names no camera, neither in its path nor in its EXIF"))
    return found
