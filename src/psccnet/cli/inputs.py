"""Which pictures the words of a command line stand for."""

import glob
import os
import re
from collections import Counter
from pathlib import Path
from typing import Literal, NamedTuple

from psccnet.pictures.picture_files import survey

RESULTS = (".mask.png", ".mask16.png", ".overlay.png", ".masks.png")
"""How the names end of what `psccnet detect --out` writes, as `psccnet.inference.result_folder` has them."""
_EVIDENCE = re.compile(r"-evidence-[a-z-]+\.png$")
"""Likewise of the findings that it draws."""
MANIFEST = "psccnet-results.jsonl"
"""What it writes beside them."""

BackendName = Literal["auto", "openvino", "onnx", "torch"]
MaskRuleName = Literal["white", "black", "nonzero", "green"]
"""`psccnet.pictures.masks.MaskRule`, for which nothing has to be imported."""


class Input(NamedTuple):
    """One input: what to open, and how to name its output below the output folder, if the name is free."""

    source: str
    output: Path


def find_inputs(words: list[str], skip: Path | None = None, others: Counter[str] | None = None) -> list[Input]:
    """Files, folders (searched for pictures by their endings or their first bytes), globs, and `-` for standard input.

    A word that fits nothing stays as it is, so that opening it gives the error. Outputs of files carry the file's
    name, outputs of a folder's pictures their path below it. Results of an earlier run below `skip`, the folder of
    outputs, are not found in folders. Files of folders that are no pictures are counted in `others` by ending.
    """
    results = skip.resolve() if skip is not None else None
    found: list[Input] = []
    for word in words:
        path = Path(word)
        if word == "-":
            found.append(Input("-", Path("stdin")))
        elif os.path.isdir(word):
            inside, rest = survey(path, by_content=True)
            if results is not None and results.is_relative_to(path.resolve()) and (results / MANIFEST).is_file():
                rest -= Counter([Path(MANIFEST).suffix])
            if others is not None:
                others.update(rest)
            if results is not None:
                inside = [p for p in inside if not (_is_result(p.name) and p.resolve().is_relative_to(results))]
            found += [Input(str(p), p.relative_to(path)) for p in inside]
        # os.path: Path.exists raises for names that are too long, and one word would stop the others.
        elif not os.path.exists(word) and glob.has_magic(word):
            matches = sorted(glob.glob(word, recursive=True))
            found += find_inputs(matches, skip, others) if matches else [Input(word, Path(path.name))]
        else:
            found.append(Input(word, Path(path.name)))
    return found


def _is_result(name: str) -> bool:
    return name.endswith(RESULTS) or _EVIDENCE.search(name) is not None
