"""Write results into a folder; the files of one picture never replace those of another."""

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
"""mask: in colours; mask16: its values with 16 bits, for programs; overlay: over the picture; masks: of all scales;
confidence: left out where a result has none."""
KINDS: tuple[Kind, ...] = get_args(Kind)
USUAL: tuple[Kind, ...] = ("mask", "overlay")
ENDINGS = tuple(f".{kind}.png" for kind in KINDS)
MANIFEST = "psccnet-results.jsonl"
"""Name of the file with one line of JSON per picture: stem, picture, sha256, files. If several lines have the same
stem, the last one counts."""

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
    """Write the pictures of one result, without a check for files of other pictures.

    Args:
        result: of the picture; its `masks` are what the kind "masks" shows.
        pixels: (H, W, 3) uint8, the picture as the network saw it.
        stem: folder and first part of the file names; the folder is created if missing.
        kinds: which pictures to write.
        evidence: also draw the findings that show a place.

    Returns:
        The files, STEM.KIND.png and STEM-evidence-TRACE.png.

    Raises:
        WriteError: if a file cannot be written; no part of it is left behind.
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
    """A folder of results, with a record of which picture each file belongs to.

    The names of a picture's files begin with its path below the searched folder, or with its name. If another picture
    has that name already, or a file that the record does not list, the first digits of the picture's sha256 are added.
    So a picture gets the same file names every time, and replaces only its own files.

    Args:
        path: the folder; it is created if missing.

    Raises:
        InputError: if there is a file of that name, or the record in the folder cannot be understood.
        WriteError: if the folder cannot be created.
    """

    def __init__(self, path: Path) -> None:
        make_folder(path)
        self.path = path
        self._owners: dict[str, str] = {}
        manifest = path / MANIFEST
        if not manifest.exists():
            return
        *lines, cut_off = read_text(manifest).split("\n")
        if cut_off:  # the disk was full while this line was written
            write_whole({manifest: "".join(f"{line}\n" for line in lines).encode()})
        for number, line in enumerate(lines, start=1):
            record = parse_json(line, f"{manifest}, line {number}")
            try:
                self._owners[record["stem"]] = record["sha256"]
            except (KeyError, TypeError):
                raise InputError(f"{manifest}, line {number}: names no picture; name another folder.") from None

    def stem(self, wanted: Path, sha256: str) -> Path:
        """The stem of a picture's files: the folder and `wanted`, with digits of the sha256 if that stem is taken."""
        for name in (wanted, wanted.with_name(f"{wanted.name}-{sha256[:12]}")):
            owner = self._owners.get(name.as_posix())
            if owner == sha256 or (owner is None and not self._is_taken(name)):
                return self.path / name
        return self.path / wanted.with_name(f"{wanted.name}-{sha256}")

    def _is_taken(self, name: Path) -> bool:
        stem = self.path / name
        # Not Path.exists, which raises for a name that is too long; the user gets that error when the file is written.
        return any(os.path.exists(stem.with_name(f"{stem.name}{ending}")) for ending in ENDINGS)

    def write(
        self,
        result: Result,
        pixels: NDArray[np.uint8],
        wanted: Path,
        kinds: Collection[Kind] = USUAL,
        evidence: bool = False,
    ) -> list[Path]:
        """Write the pictures of one result under names of its own, and record them in the manifest.

        Args:
            result: of the picture.
            pixels: (H, W, 3) uint8, the picture as the network saw it.
            wanted: path within the folder that the names should begin with.
            kinds: which pictures to write.
            evidence: also draw the findings that show a place.

        Returns:
            The files.

        Raises:
            WriteError: if a file cannot be written; no part of it is left behind.
        """
        stem = self.stem(wanted, result.sha256)
        files = write_pictures(result, pixels, stem, kinds, evidence)
        name = stem.relative_to(self.path).as_posix()
        record = {
            "stem": name,
            "picture": result.name,
            "sha256": result.sha256,
            "files": [path.relative_to(self.path).as_posix() for path in files],
        }
        manifest = self.path / MANIFEST
        with writing(manifest), manifest.open("ab") as file:
            file.write(json.dumps(record).encode() + b"\n")
        self._owners[name] = result.sha256
        return files
