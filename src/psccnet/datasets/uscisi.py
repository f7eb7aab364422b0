"""USCISI-CMFD, 100,000 copy-moves in an LMDB of JSON records (the paper's copy-move class)."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from psccnet.datasets.entry import Entry, Found, Problem
from psccnet.errors import InputError, PictureError
from psccnet.pictures.decoding import MAX_PIXELS, decode
from psccnet.pictures.sample import Mask, Sample
from psccnet.pictures.whole_files import read_text

_KEYS = "samples.keys"


@dataclass(frozen=True)
class Record(Entry):
    """A picture inside a database: `image` is the database's folder, `id` the record's key."""

    def read(self, max_pixels: int = MAX_PIXELS) -> Sample:
        """Decode the record's JPEG and draw its contours. Only the target is forged; the source is `source_mask`.

        Raises:
            PictureError: if the record is missing or malformed; the message names it.
        """
        name = f"{self.image}, record {self.id}"
        import lmdb

        try:
            with _database(str(self.image)).begin() as transaction:
                data = transaction.get(self.id.encode())
        except lmdb.Error as error:
            raise PictureError(f"{name}: cannot be read; download data.mdb again.") from error
        if data is None:
            raise PictureError(f"{name}: not in the database; download data.mdb again.")
        try:
            record = json.loads(data)
            jpeg = bytes(record["image_jpeg_buffer"])
            shape = (int(record["image_height"]), int(record["image_width"]))
            contours = [
                [np.asarray(contour, float).reshape(-1, 2) for contour in record[f"{which}_contour"]]
                for which in ("target", "source")
            ]
        except (LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise PictureError(f"{name}: not a record of USCISI-CMFD; download data.mdb again.") from error
        image = decode(jpeg, max_pixels, name).pixels
        if image.shape[:2] != shape:
            raise PictureError(
                f"{name}: its size is given as {shape[1]} x {shape[0]}, but its picture has another size."
            )
        target, source = (_fill(outlines, shape) for outlines in contours)
        return Sample(image, target, True, "copy-move", self.id, name, source_mask=source)


@cache
def _database(path: str) -> Any:
    import lmdb

    # Reading needs no lock. Records are drawn at random, so that readahead would fill the memory with unused ones.
    database = lmdb.open(path, readonly=True, lock=False, readahead=False, meminit=False)
    # Reading beyond the end of a memory-mapped file would crash the process.
    size = (database.info()["last_pgno"] + 1) * database.stat()["psize"]
    if Path(path, "data.mdb").stat().st_size < size:
        raise lmdb.CorruptedError(f"the file is shorter than the {size:,} bytes in its header")
    return database


def _fill(contours: list[NDArray[np.float64]], shape: tuple[int, int]) -> Mask:
    """Fill closed contours, (n, 2) each, x and y in pixels."""
    canvas = Image.new("1", (shape[1], shape[0]))
    draw = ImageDraw.Draw(canvas)
    for points in contours:
        if len(points) > 2:
            draw.polygon([(x, y) for x, y in points], fill=1, outline=1)
    return np.asarray(canvas, np.bool_)


def find_uscisi(root: Path) -> Found:
    """Find the records of `data.mdb` listed in `samples.keys`, one key per line; repeated keys are taken once.

    Raises:
        InputError: if data.mdb is not an LMDB database.
    """
    import lmdb

    found = Found()
    databases = sorted(root.rglob("data.mdb"))
    if not databases:
        found.problems.append(Problem("no picture", "data.mdb", "is missing: the database of all records"))
    for database in databases:
        keys = database.parent / _KEYS
        try:
            with _database(str(database.parent)).begin(buffers=True) as transaction:  # without copying records
                if keys.is_file():
                    names = list(dict.fromkeys(read_text(keys).split()))
                    present = [name for name in names if transaction.get(name.encode()) is not None]
                    text = f"is in {_KEYS} but not in the database"
                    found.problems += [Problem("no picture", name, text) for name in sorted({*names} - {*present})]
                else:
                    present = [
                        bytes(key).decode(errors="replace") for key in transaction.cursor().iternext(values=False)
                    ]
        except lmdb.Error as error:
            raise InputError(f"{database}: not an LMDB database that can be read; download it again.") from error
        found.entries += [Record(name, database.parent, None, "copy-move", "uscisi") for name in present]
    return found
