"""Drawing pictures of data sets to train on."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.datasets.balanced import BalancedPictures
from psccnet.datasets.entry import Entry

from ..conftest import texture

KINDS = ["pristine"] * 5 + ["splicing"] * 2 + ["removal"]


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """Eight pictures of 90 x 60, forged in the lower right corner."""
    folder = tmp_path_factory.mktemp("set")
    made = []
    truth = np.zeros((60, 90), np.uint8)
    truth[50:58, 70:88] = 255
    Image.fromarray(truth).save(folder / "mask.png")
    for i, kind in enumerate(KINDS):
        Image.fromarray(texture(i, 60, 90)).save(folder / f"{i}.png")
        mask = None if kind == "pristine" else folder / "mask.png"
        made.append(Entry(f"{i}.png", folder / f"{i}.png", mask, kind))
    return made


def test_classes_take_turns_and_pictures_are_drawn_evenly(entries: list[Entry]) -> None:
    pictures = BalancedPictures(entries, 32)
    samples = [pictures.sample(index) for index in range(300)]
    assert [sample.manipulation for sample in samples[:3]] == ["pristine", "splicing", "removal"]
    assert Counter(sample.manipulation for sample in samples) == {"pristine": 100, "splicing": 100, "removal": 100}
    sources = Counter(sample.source for sample in samples if sample.manipulation == "splicing")
    assert min(sources.values()) > 30
    assert samples[5].id == "removal-00000005"


@pytest.mark.parametrize("fit", ["resize", "crop"])
@pytest.mark.parametrize("size", [32, 96])
def test_samples_are_squares_that_show_the_forgery(entries: list[Entry], fit: str, size: int) -> None:
    pictures, again = (BalancedPictures(entries, size, 5, fit) for _ in range(2))  # type: ignore[arg-type]
    for index in range(24):
        sample = pictures.sample(index)
        assert sample.image.shape == (size, size, 3)
        assert sample.mask is not None
        assert sample.mask.shape == (size, size)
        assert sample.mask.any() == sample.forged
        assert np.array_equal(again.sample(index).image, sample.image)
    if fit == "resize":
        y, x = np.nonzero(pictures.sample(1).mask)
        assert (y.mean() / size, x.mean() / size) == pytest.approx((54 / 60, 79 / 90), abs=0.02)


def test_crops_are_at_native_scale(entries: list[Entry]) -> None:
    whole = texture(0, 60, 90)
    cut = BalancedPictures(entries[:1], 32, fit="crop").sample(0).image
    assert any(
        np.array_equal(whole[y : y + 32, x : x + 32], cut) for y in range(60 - 32 + 1) for x in range(90 - 32 + 1)
    )


def test_what_cannot_be_used_is_said_once(
    entries: list[Entry], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    broken = Entry("broken.png", tmp_path / "broken.png", None, "pristine")
    pictures = BalancedPictures([broken, entries[0]], 32)
    assert {pictures.sample(index).source for index in range(30)} == {str(entries[0].image)}
    assert set(pictures.left_out) == {"broken.png"}
    (said,) = caplog.messages
    assert said.startswith(f"left out: {tmp_path / 'broken.png'}: not a picture")
    with pytest.raises(ValueError, match="psccnet datasets check"):
        BalancedPictures([broken], 32).sample(0)
    with pytest.raises(ValueError, match="no usable pictures"):
        BalancedPictures([], 32)
