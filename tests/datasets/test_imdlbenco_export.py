import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.datasets.imdlbenco import find_json, find_mani
from psccnet.datasets.imdlbenco_export import collect_imdlbenco, export_imdlbenco
from psccnet.datasets.listing import read_listing
from psccnet.errors import InputError
from psccnet.evaluation.comparators import Question, find_comparator


@pytest.fixture
def exported(listed_set: Path, tmp_path: Path) -> Path:
    """Seven pictures: one is a JPEG, one is turned by EXIF, and one mask is missing."""
    picture = Image.open(listed_set / "1.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(listed_set / "1.jpg", exif=exif)
    Image.open(listed_set / "2.png").save(listed_set / "2.jpg")
    (listed_set / "masks" / "4.png").unlink()
    index = (listed_set / "index.csv").read_text().replace("1.png,masks", "1.jpg,masks").replace("2.png,m", "2.jpg,m")
    (listed_set / "index.csv").write_text(index)
    failures: list[str] = []
    out = tmp_path / "exported"
    assert len(list(export_imdlbenco(read_listing(listed_set), out, failures))) == 6
    assert len(failures) == 1
    assert "4.png" in failures[0]
    return out


def test_what_is_written_is_read_back(exported: Path, listed_set: Path) -> None:
    pairs = json.loads((exported / "pairs.json").read_text())
    assert sum(second == "Negative" for _, second in pairs) == 3
    assert all(Path(first).is_file() for first, _ in pairs)
    # Sorted by name, as IMDL-BenCo pairs them, pictures and masks stand beside each other.
    pictures, masks = (sorted((exported / name).iterdir()) for name in ("Tp", "Gt"))
    assert [path.stem for path in pictures] == [path.stem for path in masks]
    for found in (find_mani(exported), find_json(exported / "pairs.json")):
        assert not found.problems
        assert sum(entry.forged for entry in found.entries) == 3
    truths = {entry.id: entry.read() for entry in read_listing(listed_set) if entry.id in ("1.jpg", "2.jpg", "5.png")}
    for path, truth in zip(masks, truths.values(), strict=True):
        assert (np.asarray(Image.open(path)) > 127).tolist() == truth.mask.tolist()
    assert (exported / "Tp" / "000002.jpg").read_bytes() == (listed_set / "2.jpg").read_bytes()
    assert np.asarray(Image.open(exported / "Tp" / "000001.png")).shape == truths["1.jpg"].image.shape


def test_masks_come_back_under_their_own_names(exported: Path, tmp_path: Path) -> None:
    predictions, out = tmp_path / "predictions", tmp_path / "masks"
    (predictions / "pred").mkdir(parents=True)
    with (exported / "names.csv").open() as file:
        names = list(csv.DictReader(file))
    for number, row in enumerate(names[1:]):
        Image.new("L", (8, 8), 40 * number).save(predictions / "pred" / f"{Path(row['file']).stem}.png")
    (predictions / "pred_label_combined.json").write_text(json.dumps({row["file"]: 0.25 for row in names}))
    taken, missing = collect_imdlbenco(exported, predictions, out)
    assert taken == 5
    assert missing == [f"0.png: {predictions / 'pred' / '000000.png'} is not there"]
    answer = find_comparator(f"theirs={out}").localize(Question(np.zeros((8, 8, 3), np.uint8), "2.jpg", "even"))
    assert answer.mask.max() == pytest.approx(40 / 255)
    assert answer.score == 0.25


def test_a_name_that_leads_elsewhere_is_refused(exported: Path, tmp_path: Path) -> None:
    (exported / "names.csv").write_text("file,set,image\n000000.png,,../../a.png\n")
    (tmp_path / "predictions" / "pred").mkdir(parents=True)
    Image.new("L", (8, 8)).save(tmp_path / "predictions" / "pred" / "000000.png")
    with pytest.raises(InputError, match="leads out of"):
        collect_imdlbenco(exported, tmp_path / "predictions", tmp_path / "masks")
