"""Columbia Uncompressed Image Splicing Detection Evaluation Dataset: 180 spliced and 183 authentic pictures."""

from pathlib import Path

from psccnet.datasets.entry import Entry, Found
from psccnet.datasets.folders import identifier, named, pictures_below


def find_columbia(root: Path) -> Found:
    """Find `4cam_splc/NAME.tif` with `4cam_splc/edgemask/NAME_edgemask.jpg`, and `4cam_auth/NAME.tif`.

    In an edge mask, the host is red and the spliced region green, both brighter near the border. Some archives unpack
    to a folder inside a folder of the same name; both are searched.
    """
    found = Found()
    for folder, kind in (("4cam_splc", "splicing"), ("4cam_auth", "pristine")):
        # A set, since the inner one of two nested folders is searched twice.
        paths = {path for place in named(root, folder) for path in pictures_below(place)}
        masks = {path.stem: path for path in paths if path.parent.name.lower() == "edgemask"}
        for path in sorted(path for path in paths if path.parent.name.lower() != "edgemask"):
            mask = masks.get(f"{path.stem}_edgemask") if kind == "splicing" else None
            found.add(Entry(identifier(path, root), path, mask, kind, "columbia", "green"))
    return found
