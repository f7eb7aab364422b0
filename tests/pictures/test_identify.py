from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from psccnet.pictures.identify import encoding_of

PICTURE = Image.fromarray(data.astronaut()[:64, :64])


@pytest.mark.parametrize(("quality", "chroma", "name"), [(75, 2, "4:2:0"), (91, 0, "4:4:4"), (30, 1, "4:2:2")])
def test_settings_of_jpeg(tmp_path: Path, quality: int, chroma: int, name: str) -> None:
    PICTURE.save(tmp_path / "a.jpg", quality=quality, subsampling=chroma)
    assert encoding_of(tmp_path / "a.jpg") == f"JPEG {name} q{quality}"


def test_other_files(tmp_path: Path) -> None:
    PICTURE.save(tmp_path / "a.tif")
    PICTURE.convert("L").save(tmp_path / "grey.jpg", quality=90)
    (tmp_path / "words.jpg").write_text("words")
    np.save(tmp_path / "a.npy", np.zeros(3))
    assert encoding_of(tmp_path / "a.tif") == "TIFF"
    assert encoding_of(tmp_path / "grey.jpg") == "JPEG grey q90"
    assert encoding_of(tmp_path / "words.jpg") == encoding_of(tmp_path / "nothing") == "unknown"
