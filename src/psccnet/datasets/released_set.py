"""The training set of the released code: authentic, splice, splice_randmask, copymove and inpainting."""

from pathlib import Path

from psccnet.datasets.entry import Entry, Found, Problem
from psccnet.datasets.folders import identifier, named, pictures_below
from psccnet.pictures.whole_files import read_text

_CLASSES = {
    "authentic": "pristine",
    "splice": "splicing",
    "splice_randmask": "splicing",
    "copymove": "copy-move",
    "inpainting": "removal",
    "removal": "removal",
}
_ENDINGS = (".png", ".jpg", ".tif", ".tiff", ".bmp")


def find_released(root: Path) -> Found:
    """Find the pictures listed in `authentic/authentic.txt` and `CLASS/fake.txt`, one path per line.

    Paths are relative to the folder of the class. The mask of a picture in `fake` has the same path in `mask`, with any
    ending. If a list is missing, all pictures of the class are taken. Some archives call the class inpainting
    "removal", and some have a folder inside a folder of the same name.
    """
    found = Found()
    for name, kind in _CLASSES.items():
        places = list(named(root, name))
        if not places:
            continue
        listing = "authentic.txt" if kind == "pristine" else "fake.txt"
        folder = next((place for place in places if (place / listing).is_file()), places[-1])
        for path in _pictures(folder, folder / listing):
            if not path.is_file():
                text = f"is listed in {name}/{listing} but missing"
                found.problems.append(Problem("no picture", identifier(path, root), text))
                continue
            mask = _mask_of(path, folder) if kind != "pristine" else None
            found.add(Entry(identifier(path, root), path, mask, kind, "released"))
    return found


def _pictures(folder: Path, listing: Path) -> list[Path]:
    if listing.is_file():
        lines = read_text(listing).splitlines()
        return [folder / line.strip() for line in lines if line.strip()]
    return [path for path in pictures_below(folder) if "mask" not in path.relative_to(folder).parts]


def _mask_of(path: Path, folder: Path) -> Path | None:
    parts = ["mask" if part == "fake" else part for part in path.relative_to(folder).parts]
    bare = folder.joinpath(*parts)
    if bare == path:
        return None
    return next((bare.with_suffix(end) for end in _ENDINGS if bare.with_suffix(end).is_file()), None)
