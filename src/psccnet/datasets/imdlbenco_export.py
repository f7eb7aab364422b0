"""Pictures in the form that IMDL-BenCo reads, and the masks that it writes in the form that comparators read.

IMDL-BenCo names its masks after the picture's file alone, without its folders, and knows no EXIF orientation. So the
pictures get flat names, each used once, and lie upright.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from psccnet.datasets.entry import Entry
from psccnet.datasets.tables import read_table
from psccnet.errors import InputError, MissingFileError, PictureError
from psccnet.pictures.identify import encoding_of
from psccnet.pictures.whole_files import make_folder, parse_json, read_text, write_whole

PAIRS, NAMES = "pairs.json", "names.csv"
SCORES = "pred_label_combined.json"
"""What IMDL-BenCo writes beside its masks for models that score pictures."""
_COLUMNS = ("file", "set", "image")


def export_imdlbenco(entries: Sequence[Entry], folder: Path, failures: list[str]) -> Iterator[Entry]:
    """Write pictures and masks as `Tp/` and `Gt/` (ManiDataset), pristine ones as `Au/`, and `pairs.json` of all.

    Upright JPEGs keep their bytes, for networks that read their coefficients; all other pictures become PNG. Masks
    become white where forged. `names.csv` says which file is which picture.

    Args:
        entries: pictures with ground truth.
        folder: receives the files.
        failures: gets a sentence for each picture that cannot be used.

    Yields:
        Each entry when its files are written.

    Raises:
        WriteError: if a file cannot be written.
    """
    pairs, rows = [], []
    for name in ("Tp", "Gt", "Au"):
        make_folder(folder / name)
    for number, entry in enumerate(entries):
        try:
            sample = entry.read()
        except (PictureError, MissingFileError) as error:
            failures.append(str(error))
            continue
        keeps_bytes = sample.orientation == 1 and encoding_of(entry.image).startswith("JPEG")
        name = f"{number:06d}{'.jpg' if keeps_bytes else '.png'}"
        picture = folder / ("Tp" if entry.forged else "Au") / name
        contents = {picture: entry.image.read_bytes() if keeps_bytes else _png(sample.image)}
        mask = folder / "Gt" / f"{number:06d}.png"
        if entry.forged and sample.mask is not None:
            contents[mask] = _png(sample.mask.astype(np.uint8) * 255)
        write_whole(contents)
        # IMDL-BenCo looks for listed files from the folder that it is started in.
        pairs.append([str(picture.resolve()), str(mask.resolve()) if entry.forged else "Negative"])
        rows.append((name, entry.set, entry.id))
        yield entry
    table = io.StringIO()
    csv.writer(table).writerows([_COLUMNS, *rows])
    write_whole({folder / PAIRS: json.dumps(pairs, indent=1).encode(), folder / NAMES: table.getvalue().encode()})


def collect_imdlbenco(exported: Path, predictions: Path, out: Path) -> tuple[int, list[str]]:
    """Bring what IMDL-BenCo's `test_save_images.py` wrote into the folder that `--comparator NAME=FOLDER` reads.

    Args:
        exported: folder that `export_imdlbenco` wrote.
        predictions: the `--output_dir` of IMDL-BenCo: `pred/NAME.png`, and scores where the model has them.
        out: receives `SET/IMAGE.png` and `SET/scores.csv`.

    Returns:
        How many masks were taken, and a sentence for each picture without one.

    Raises:
        InputError: if a file is none of those, or a picture's name leads out of the folder.
        MissingFileError: if there is no `names.csv`.
        WriteError: if a file cannot be written.
    """
    scores = _scores(predictions / SCORES)
    listed: dict[str, list[tuple[str, float]]] = {}
    missing, taken = [], 0
    for row in read_table(exported / NAMES, _COLUMNS):
        file, set_name, image = (row.cells[column] for column in _COLUMNS)
        mask = predictions / "pred" / f"{Path(file).stem}.png"
        if not mask.is_file():
            missing.append(f"{image}: {mask} is not there")
            continue
        place = out / set_name / f"{image}.png"
        if not place.resolve().is_relative_to(out.resolve()):
            raise InputError(f"{exported / NAMES}: {image} leads out of {out}; list pictures below their set's folder.")
        make_folder(place.parent)
        write_whole({place: mask.read_bytes()})
        taken += 1
        if file in scores:
            listed.setdefault(set_name, []).append((image, scores[file]))
    for set_name, rows in listed.items():
        table = io.StringIO()
        csv.writer(table).writerows([("image", "score"), *rows])
        write_whole({out / set_name / "scores.csv": table.getvalue().encode()})
    return taken, missing


def _scores(path: Path) -> dict[str, float]:
    """File's name -> score, 0..1; nothing where the model wrote none."""
    if not path.is_file():
        return {}
    found = parse_json(read_text(path), str(path))
    numbers = found.values() if isinstance(found, dict) else [None]
    if not all(isinstance(number, int | float) and 0 <= number <= 1 for number in numbers):
        raise InputError(
            f"{path}: not a JSON object of scores from 0 to 1 by file name; let IMDL-BenCo write it again."
        )
    return {str(name): float(number) for name, number in found.items()}


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
