"""Which pictures the words of a command line stand for."""

import glob
import os
from pathlib import Path
from typing import Literal, NamedTuple

RESULTS = (".mask.png", ".mask16.png", ".overlay.png", ".masks.png")
"""How the names end of what `psccnet detect --out` writes."""
SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".jp2", ".avif"}

BackendName = Literal["auto", "openvino", "onnx", "torch"]


class Input(NamedTuple):
    """One input: what to open, and how to name its output below the output folder."""

    source: str
    output: Path


def find_inputs(words: list[str], skip: Path | None = None) -> list[Input]:
    """Files, folders (searched for pictures by their endings), globs, and `-` for standard input.

    A word that fits nothing stays as it is, so that opening it gives the error. Outputs of files carry the file's
    name, outputs of a folder's pictures their path below it; names that meet twice get a number. Results of an
    earlier run below `skip`, the folder of outputs, are not found in folders.
    """
    results = skip.resolve() if skip is not None else None
    found: list[Input] = []
    for word in words:
        path = Path(word)
        if word == "-":
            found.append(Input("-", Path("stdin")))
        elif os.path.isdir(word):
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            if results is not None:
                inside = [p for p in inside if not (p.name.endswith(RESULTS) and p.resolve().is_relative_to(results))]
            found += [Input(str(p), p.relative_to(path)) for p in inside]
        # os.path: Path.exists raises for names that are too long, and one word would stop the others.
        elif not os.path.exists(word) and glob.has_magic(word):
            matches = sorted(glob.glob(word, recursive=True))
            found += find_inputs(matches, skip) if matches else [Input(word, Path(path.name))]
        else:
            found.append(Input(word, Path(path.name)))
    return _distinct(found)


def _distinct(inputs: list[Input]) -> list[Input]:
    seen: set[Path] = set()
    result = []
    for source, output in inputs:
        name, number = output, 2
        while name in seen:
            name = output.with_name(f"{output.name}-{number}")
            number += 1
        seen.add(name)
        result.append(Input(source, name))
    return result
