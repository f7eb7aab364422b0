"""Files of results in a folder: whose they are, and that no picture's replace another's."""

import json
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from psccnet.errors import InputError
from psccnet.inference.finding_drawing import draw_finding
from psccnet.inference.rendering import (
    confidence_with_legend,
    levels,
    mask_with_legend,
    overlay_with_legend,
    png,
    progression,
)
from psccnet.inference.result import Result
from psccnet.pictures.whole_files import make_folder, parse_json, read_text, write_whole, writing

Kind = Literal["mask", "mask16", "overlay", "masks", "confidence"]
"""The drawn mask; its values in 16 bits, for programs; the overlay; the masks of the four scales; the confidence, which
is left out where a result has none."""
KINDS: tuple[Kind, ...] = get_args(Kind)
USUAL: tuple[Kind, ...] = ("mask", "overlay")
ENDINGS = tuple(f".{kind}.png" for kind in KINDS)
MANIFEST = "psccnet-results.jsonl"
"""The file in the folder with a line of JSON a picture: stem, picture, sha256, files. Of several lines of one stem, the
last one holds."""

_DRAWN: dict[Kind, Callable[[NDArray[np.uint8], Result], NDArray[np.unsignedinteger]]] = {
    "mask": lambda pixels, result: mask_with_legend(result),
    "mask16": lambda pixels, result: levels(result.mask, np.uint16),
    "overlay": overlay_with_legend,
    "masks": progression,
    "confidence": lambda pixels, result: confidence_with_legend(result),
}


def write_pictures(
    result: Result, pixels: NDArray[np.uint8], stem: Path, kinds: Collection[Kind] = USUAL, evidence: bool = False
) -> list[Path]:
    """Write the pictures of one result, without a look at whose lie there.

    Args:
        result: of the picture; its `masks` go into the progression.
        pixels: (H, W, 3) uint8, the picture as the network saw it.
        stem: folder and first part of the names; the folder is made if missing.
        kinds: which to write.
        evidence: draw the findings that show a place, too.

    Returns:
        The files, STEM.KIND.png and STEM-evidence-TRACE.png.

    Raises:
        WriteError: if a file cannot be written; nothing of it is then left.
    """
    make_folder(stem.parent)
    drawn_kinds = [kind for kind in KINDS if kind in kinds and (kind != "confidence" or result.confidence is not None)]
    files = {stem.with_name(f"{stem.name}.{kind}.png"): png(_DRAWN[kind](pixels, result)) for kind in drawn_kinds}
    for finding in result.findings if evidence else ():
        drawn = draw_finding(finding, pixels)
        if drawn is not None:
            files[stem.with_name(f"{stem.name}-evidence-{finding.name}.png")] = png(drawn)
    write_whole(files)
    return list(files)


class ResultFolder:
    """A folder of results that knows which picture each file belongs to.

    The files of a picture begin with its path below the folder that was searched, or with its name. Where another
    picture has that already, or a file that nobody accounts for, the first digits of the picture's sha256 are added:
    the same picture has the same names every time, and replaces its own files only.

    Args:
        path: made if missing.

    Raises:
        InputError: if a file has its name, or its manifest is none.
        WriteError: if it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        make_folder(path)
        self.path = path
        self._owners: dict[str, str] = {}
        manifest = path / MANIFEST
        if not manifest.exists():
            return
        *lines, cut_off = read_text(manifest).split("\n")
        if cut_off:  # by a full disk
            write_whole({manifest: "".join(f"{line}\n" for line in lines).encode()})
        for number, line in enumerate(lines, start=1):
            said = parse_json(line, f"{manifest}, line {number}")
            try:
                self._owners[said["stem"]] = said["sha256"]
            except (KeyError, TypeError):
                raise InputError(f"{manifest}, line {number}: names no picture; name another folder.") from None

    def stem(self, wanted: Path, sha256: str) -> Path:
        """Where the files of a picture go: the folder, `wanted`, and digits of its sha256 where that is another's."""
        for name in (wanted, wanted.with_name(f"{wanted.name}-{sha256[:12]}")):
            owner = self._owners.get(name.as_posix())
            if owner == sha256 or (owner is None and not self._is_taken(name)):
                return self.path / name
        return self.path / wanted.with_name(f"{wanted.name}-{sha256}")

    def _is_taken(self, name: Path) -> bool:
        stem = self.path / name
        # os.path: Path.exists raises for names that are too long, which is told when they are written.
        return any(os.path.exists(stem.with_name(f"{stem.name}{ending}")) for ending in ENDINGS)

    def write(
        self,
        result: Result,
        pixels: NDArray[np.uint8],
        wanted: Path,
        kinds: Collection[Kind] = USUAL,
        evidence: bool = False,
    ) -> list[Path]:
        """Write the pictures of one result under names of its own, and say so in the manifest.

        Args:
            result: of the picture.
            pixels: (H, W, 3) uint8, the picture as the network saw it.
            wanted: path within the folder that the names are to begin with.
            kinds: which to write.
            evidence: draw the findings that show a place, too.

        Returns:
            The files.

        Raises:
            WriteError: if a file cannot be written; nothing of it is then left.
        """
        stem = self.stem(wanted, result.sha256)
        files = write_pictures(result, pixels, stem, kinds, evidence)
        name = stem.relative_to(self.path).as_posix()
        said = {
            "stem": name,
            "picture": result.name,
            "sha256": result.sha256,
            "files": [path.relative_to(self.path).as_posix() for path in files],
        }
        manifest = self.path / MANIFEST
        with writing(manifest), manifest.open("ab") as file:
            file.write(json.dumps(said).encode() + b"\n")
        self._owners[name] = result.sha256
        return files
