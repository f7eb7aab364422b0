"""Write a synthetic set: a folder of pictures and masks, or WebDataset shards, with a Parquet manifest."""

import csv
import hashlib
import io
import json
import signal
import tarfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pyarrow
import pyarrow.parquet

from psccnet.errors import InputError
from psccnet.pictures.encoding import Encoding, encode
from psccnet.pictures.resumable_folder import ResumableFolder
from psccnet.pictures.sample import Mask
from psccnet.pictures.whole_files import make_folder, parse_json, read_text, reading, write_whole
from psccnet.synthesis.synthesis_recipe import SetDescription
from psccnet.synthesis.synthesizer import Synthesizer

Layout = Literal["folder", "shards"]
RECIPE, MANIFEST, INDEX = "synthesis.yaml", "manifest.parquet", "index.csv"
_HEADING = "# psccnet synthesize PHOTOGRAPHS --recipe THIS_FILE rebuilds this set.\n"
_BELOW = ("images", "masks", "sources")
PART = 500
"""Samples per shard, and per step of a run: an interrupted run resumes at the step that was not finished."""


@dataclass(frozen=True)
class Written:
    """A written sample, which is a row of the manifest.

    Attributes:
        index: of the sample; with recipe and seed, it determines all other fields.
        id, manipulation, method, source: of the `Sample`.
        image, mask, source_mask: paths relative to the set's folder; inside a shard "SHARD.tar/MEMBER". `mask` is ""
            for a pristine picture, `source_mask` for all but copy-moves.
        forged_fraction: share of forged pixels, 0..1.
        jpeg_quality: of the file; None for PNG.
        sha256: of the picture's file.
    """

    index: int
    id: str
    manipulation: str
    method: str
    source: str
    image: str
    mask: str
    source_mask: str
    forged_fraction: float
    jpeg_quality: int | None
    sha256: str


_Made = tuple[Written, dict[str, bytes], dict[str, str]]


def describe(synthesizer: Synthesizer) -> dict[str, Any]:
    """What is needed to make a set again, bit for bit: recipe, seed, versions, photographs and objects."""
    photographs, objects = synthesizer.photographs, synthesizer.objects
    return {
        "seed": synthesizer.seed,
        "recipe": asdict(synthesizer.recipe),
        "photographs": {
            "count": len(photographs),
            "split": photographs.split,
            "sha256_of_names_and_sizes": photographs.fingerprint(),
        },
        "objects": {"count": len(objects), "sha256": objects.fingerprint()} if objects is not None else {},
        "versions": {name: version(name) for name in ("psccnet", "numpy", "opencv-contrib-python-headless")},
    }


def is_of(description: SetDescription, synthesizer: Synthesizer) -> bool:
    """Whether a synthesizer has the photographs and objects of a described set."""
    own = describe(synthesizer)
    return (description.photographs, description.objects) == (own["photographs"], own["objects"])


def write_set(
    synthesizer: Synthesizer, count: int, folder: Path, layout: Layout = "folder", workers: int = 0
) -> Iterator[Written]:
    """Write samples 0..count-1. The recipe is written first, the manifest last: a set with a manifest is complete.

    An interrupted run resumes; finished samples are not made again.

    Args:
        synthesizer: of the samples.
        count: number of samples.
        folder: made if missing.
        layout: "folder" writes images/, masks/, sources/ and an index.csv that `psccnet evaluate` reads; "shards"
            writes WebDataset tars of 500 samples, whose members are KEY.jpg or KEY.png, KEY.mask.png,
            KEY.source.png and KEY.json.
        workers: number of processes that make samples; 0 uses this process. The set does not depend on it.

    Yields:
        Each sample after its files are written, or at once if an earlier run wrote them.

    Raises:
        InputError: if the folder holds another set or something else, or the photographs cannot be forged.
        WriteError: if a file cannot be written.
    """
    description = describe(synthesizer)  # reads the sizes of all files
    made = ResumableFolder(folder, RECIPE)
    known = _claim(made, {**description, "layout": layout}, count)
    rows: list[Written] = []
    with _Makers(synthesizer, workers) as makers:
        for start in range(0, count, PART):
            numbers = range(start, min(start + PART, count))
            finished = f"{start:09d}-{len(numbers)}.json"
            for part in made.kept(finished):
                known |= {row.index: row for row in _rows(parse_json(read_text(part), str(part)), part)}
            if known.keys() >= set(numbers):
                done = [known[number] for number in numbers]
                yield from done
            else:
                done = []
                for row in _write_part(makers, numbers, folder, layout):
                    done.append(row)
                    yield row
                made.keep(finished, json.dumps([asdict(row) for row in done]).encode())
            rows += done
    index = {folder / INDEX: _index(rows)} if layout == "folder" else {}
    made.finish({**index, folder / MANIFEST: _manifest(rows, description)})


def _claim(made: ResumableFolder, what: dict[str, Any], count: int) -> dict[int, Written]:
    """Write the set's recipe, or check it against the one that is there; return the samples of a complete set."""
    folder, manifest = made.path, made.path / MANIFEST
    before = made.description()
    if before is None and folder.is_dir() and any(path != made.parts for path in folder.iterdir()):
        raise InputError(f"{folder} holds other files; choose an empty folder or a new one.")
    if before is not None and not isinstance(before.get("count"), int):
        raise InputError(f"{made.about}: does not say how many pictures the set has; choose another folder.")
    if before is not None and before["count"] > count:
        raise InputError(f"{folder} holds a set of {before['count']}; ask for as many or more.")
    made.claim("a set", {"count": count, **what}, ["count"], _HEADING)
    return {row.index: row for row in read_manifest(manifest)} if before is not None and manifest.is_file() else {}


def read_manifest(path: Path) -> list[Written]:
    """Read a set's manifest.parquet; InputError or MissingFileError if that fails."""
    with reading(path):
        data = path.read_bytes()
    try:
        rows = pyarrow.parquet.read_table(pyarrow.BufferReader(data)).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:  # what Arrow raises for damaged files
        raise InputError(f"{path}: not the manifest of a set, or damaged; make the set in another folder.") from error
    return _rows(rows, path)


def _rows(found: Any, path: Path) -> list[Written]:
    """Check rows read from a file."""
    names = Written.__dataclass_fields__.keys()
    if not isinstance(found, list) or any(not isinstance(row, dict) or row.keys() != names for row in found):
        raise InputError(f"{path}: not the rows of a set, or of another version; make the set in another folder.")
    return [Written(**row) for row in found]


def _write_part(makers: "_Makers", numbers: range, folder: Path, layout: Layout) -> Iterator[Written]:
    if layout == "folder":
        for below in _BELOW:
            make_folder(folder / below)
        for row, files in makers.make(numbers):
            write_whole({folder / name: content for name, content in files.items()})
            yield row
        return
    shard = f"shard-{numbers.start // PART:06d}.tar"
    tar = io.BytesIO()
    rows = []
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for row, files in makers.make(numbers):
            named = {_member(row, name): content for name, content in files.items()}
            for name, content in {**named, f"{row.id}.json": json.dumps(asdict(row)).encode()}.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            inside = {path: f"{shard}/{_member(row, path)}" for path in files}
            changes = {field: inside.get(getattr(row, field), "") for field in ("image", "mask", "source_mask")}
            rows.append(Written(**{**asdict(row), **changes}))
            yield rows[-1]
    write_whole({folder / shard: tar.getvalue()})


def _member(row: Written, path: str) -> str:
    """A file's name inside a shard: WebDataset groups files by the part before the first dot."""
    return row.id + {row.mask: ".mask.png", row.source_mask: ".source.png"}.get(path, Path(path).suffix)


class _Makers:
    """Makes samples in this or in other processes, in order, and collects what had to be left out."""

    def __init__(self, synthesizer: Synthesizer, workers: int) -> None:
        self.synthesizer = synthesizer
        # "spawn", since a process with threads (OpenCV has some) must not be forked.
        self.pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (synthesizer,)) if workers > 0 else None

    def __enter__(self) -> "_Makers":
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)

    def make(self, numbers: range) -> Iterator[tuple[Written, dict[str, bytes]]]:
        made = (
            (_make(self.synthesizer, number) for number in numbers)
            if self.pool is None
            else self.pool.map(_make_here, numbers, chunksize=8)
        )
        for row, files, left_out in made:
            self.synthesizer.left_out |= left_out
            yield row, files


_HERE: list[Synthesizer] = []


def _start(synthesizer: Synthesizer) -> None:
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends this one
    _HERE.append(synthesizer)


def _make_here(index: int) -> _Made:
    return _make(_HERE[0], index)


def _make(synthesizer: Synthesizer, index: int) -> _Made:
    data, encoding, sample = synthesizer.encoded(index)
    assert sample.mask is not None
    image = f"images/{sample.id}{encoding.suffix}"
    mask = f"masks/{sample.id}.png" if sample.forged else ""
    source_mask = f"sources/{sample.id}.png" if sample.source_mask is not None else ""
    files = {image: data}
    if mask:
        files[mask] = _mask_file(sample.mask)
    if sample.source_mask is not None:
        files[source_mask] = _mask_file(sample.source_mask)
    row = Written(
        index=index,
        id=sample.id,
        manipulation=sample.manipulation,
        method=sample.method,
        source=sample.source,
        image=image,
        mask=mask,
        source_mask=source_mask,
        forged_fraction=float(sample.mask.mean()),
        jpeg_quality=encoding.quality,
        sha256=hashlib.sha256(data).hexdigest(),
    )
    return row, files, dict(synthesizer.left_out)


def _mask_file(mask: Mask) -> bytes:
    return encode(np.repeat(mask[..., None].astype(np.uint8) * 255, 3, axis=2), Encoding(None))


def _index(rows: list[Written]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["set", "image", "mask", "manipulation", "source"])
    writer.writerows(["synthetic", row.image, row.mask, row.manipulation, row.source] for row in rows)
    return text.getvalue().encode()


def _manifest(rows: list[Written], description: dict[str, Any]) -> bytes:
    types = {"index": pyarrow.int64(), "forged_fraction": pyarrow.float64(), "jpeg_quality": pyarrow.int32()}
    names = list(Written.__dataclass_fields__)
    schema = pyarrow.schema(
        [(name, types.get(name, pyarrow.string())) for name in names], {"synthesis": json.dumps(description)}
    )
    table = pyarrow.Table.from_pylist([asdict(row) for row in rows], schema)
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file)
    return file.getvalue()
