from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from psccnet.datasets.entry import Entry
from psccnet.evaluation.comparators import Question, find_comparator
from psccnet.evaluation.comparators.network import Network
from psccnet.evaluation.comparators.trivial import TRIVIAL
from psccnet.evaluation.comparators.written import Written
from psccnet.evaluation.distortions import jpeg
from psccnet.evaluation.protocol import NATIVE, score_picture
from psccnet.inference import Detector, PictureError
from psccnet.inference.result_folder import write_pictures
from psccnet.metrics import auc
from psccnet.pictures.decoding import decode
from psccnet.weights import WeightsError

PICTURE = data.astronaut()[:200, :240]
REGION = np.zeros(PICTURE.shape[:2], bool)
REGION[60:130, 80:170] = True


def asked(image: np.ndarray, **fields: object) -> Question:
    return Question(image, "a/b.jpg", **fields)


def saved(values: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.mark.parametrize("name", TRIVIAL)
@pytest.mark.parametrize("shape", [(200, 240), (1, 7), (33, 1)])
def test_a_map_has_the_size_of_the_picture(name: str, shape: tuple[int, int]) -> None:
    answer = TRIVIAL[name].localize(asked(np.ascontiguousarray(PICTURE[: shape[0], : shape[1]])))
    assert answer.mask.shape == shape
    assert answer.mask.dtype == np.float32
    assert 0 <= answer.mask.min() <= answer.mask.max() <= 1
    assert answer.score == pytest.approx(answer.mask.mean(), abs=1e-6)


@pytest.mark.parametrize("name", ["noise", "ela", "ghosts"])
def test_a_blank_picture_is_no_accident(name: str) -> None:
    assert np.isfinite(TRIVIAL[name].localize(asked(np.full((40, 40, 3), 90, np.uint8))).mask).all()


def test_the_centre_is_forged_most() -> None:
    mask = TRIVIAL["centre"].localize(asked(PICTURE)).mask
    assert mask[100, 120] > 0.98
    assert mask[0, 0] == mask[-1, -1] == pytest.approx(0, abs=1e-6)


def test_noise_of_another_level_is_seen() -> None:
    noise = np.random.default_rng(0).normal(0, 12, PICTURE.shape) * REGION[..., None]
    noisy = np.clip(PICTURE + noise, 0, 255).astype(np.uint8)
    assert auc(TRIVIAL["noise"].localize(asked(noisy)).mask, REGION) > 0.7


def test_a_region_that_was_compressed_before_is_a_ghost() -> None:
    forged = np.where(REGION[..., None], jpeg(PICTURE, 60), PICTURE)
    # The grid of the compression begins in the picture's corner, and stays there.
    assert auc(TRIVIAL["ghosts"].localize(asked(jpeg(forged, 95))).mask, REGION) > 0.85


def test_a_region_that_never_was_compressed_stands_out_in_ela() -> None:
    rng = np.random.default_rng(1)
    host = jpeg(np.clip(PICTURE + rng.normal(0, 8, PICTURE.shape), 0, 255).astype(np.uint8), 60)
    fresh = np.clip(PICTURE + rng.normal(0, 8, PICTURE.shape), 0, 255).astype(np.uint8)
    assert auc(TRIVIAL["ela"].localize(asked(np.where(REGION[..., None], fresh, host))).mask, REGION) > 0.85


@pytest.mark.slow
def test_the_network_answers_as_its_detector(detector: Detector) -> None:
    network = Network(detector)
    assert (network.name, network.threshold) == ("test", 0.5)
    assert network.identity == f"{detector.card.sha256} openvino float32"
    for scale in (1, 4):
        answer, result = network.localize(asked(PICTURE, exit_scale=scale)), detector.detect(PICTURE, exit_scale=scale)
        assert (answer.mask == result.mask).all()
        assert answer.score == result.score


def test_masks_that_another_program_wrote(tmp_path: Path) -> None:
    saved(np.uint8([[0, 51], [102, 255]]), tmp_path / "a" / "b.png")
    saved(np.uint16([[0, 13107]]), tmp_path / "noise-3" / "a" / "b.jpg.png")
    saved(np.uint8([[204]]), tmp_path / "other-set" / "a" / "b.png")
    program = find_comparator(f"other={tmp_path}")
    assert isinstance(program, Written)
    answer = program.localize(asked(PICTURE[:2, :2]))
    assert answer.mask == pytest.approx(np.array([[0, 0.2], [0.4, 1]]), abs=1e-6)
    assert answer.score == 1
    assert program.localize(asked(PICTURE, condition="noise-3")).mask.max() == pytest.approx(0.2)
    assert program.localize(asked(PICTURE)).mask.shape == (200, 240)
    assert program.localize(asked(PICTURE, set="other-set")).score == pytest.approx(0.8)
    assert program.localize(asked(PICTURE, set="unknown")).score == 1
    (tmp_path / "scores.csv").write_text("image,score\na/b.jpg,0.25\n")
    again = Written("other", tmp_path)
    assert again.identity != program.identity
    assert again.localize(asked(PICTURE)).score == 0.25


def test_masks_that_are_not_there_or_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing: .*masks of other"):
        find_comparator(f"other={tmp_path / 'nothing'}")
    program = Written("other", tmp_path)
    with pytest.raises(PictureError, match=r"b\.png: other has no mask there"):
        program.localize(asked(PICTURE))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.png").write_bytes(b"words")
    with pytest.raises(PictureError, match=r"b\.png: not a picture"):
        program.localize(asked(PICTURE))


@pytest.mark.parametrize(
    "text",
    ["name,score\na,1\n"]
    + [f"image,score\n{row}\n" for row in ("a,high", "a,1.5", "\xe4,1", "a", "a,nan", "a," + "1" * 200_000)],
)
def test_scores_that_are_none(tmp_path: Path, text: str) -> None:
    saved(np.zeros((2, 2), np.uint8), tmp_path / "a" / "b.png")
    (tmp_path / "scores.csv").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"scores\.csv: "):
        Written("other", tmp_path).localize(asked(PICTURE))


def test_truth_is_not_read_as_an_answer(tmp_path: Path) -> None:
    saved(np.uint8([[255]]), tmp_path / "pictures" / "b.png")
    (tmp_path / "answers").mkdir()
    program = Written("other", tmp_path / "answers")
    for name in (f"{tmp_path}/pictures/b.jpg", "../pictures/b.jpg"):
        with pytest.raises(PictureError, match="other has no mask there"):
            program.localize(Question(PICTURE, name))


def test_a_picture_without_a_score_is_not_given_another_kind(tmp_path: Path) -> None:
    saved(np.uint8([[255]]), tmp_path / "a" / "b.png")
    (tmp_path / "scores.csv").write_text("image,score\nb.jpg,0.25\n")
    with pytest.raises(PictureError, match=r"scores\.csv: other has no score of a/b\.jpg there; add a row"):
        Written("other", tmp_path).localize(asked(PICTURE))


def test_words_that_name_nothing() -> None:
    with pytest.raises(WeightsError, match="nothing-of-the-kind"):
        find_comparator("nothing-of-the-kind")


STORED = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
SEEN = {3: np.rot90(STORED, 2), 6: np.rot90(STORED, -1), 8: np.rot90(STORED), 2: np.fliplr(STORED), 1: STORED}


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("name", ["b.png", "b.jpg.png", "b.jpg.mask16.png"])
def test_masks_are_of_the_picture_as_it_is_seen(tmp_path: Path, orientation: int, name: str) -> None:
    seen = np.ascontiguousarray(SEEN[orientation])
    saved(seen, tmp_path / "a" / name)
    image = np.zeros((*seen.shape, 3), np.uint8)
    answer = Written("other", tmp_path).localize(asked(image, orientation=orientation))
    assert answer.mask == pytest.approx(seen / 255, abs=1e-6)


@pytest.mark.parametrize("orientation", [6, 8])
@pytest.mark.parametrize("times", [1, 5])
def test_masks_that_their_shape_shows_to_be_stored_are_turned(tmp_path: Path, orientation: int, times: int) -> None:
    saved(np.kron(STORED, np.ones((times, times), np.uint8)), tmp_path / "a" / "b.png")
    seen = SEEN[orientation]
    answer = Written("other", tmp_path).localize(asked(np.zeros((*seen.shape, 3), np.uint8), orientation=orientation))
    assert np.corrcoef(answer.mask.ravel(), seen.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("orientation", [1, 3])
def test_a_mask_that_lies_on_its_side_is_refused(tmp_path: Path, orientation: int) -> None:
    saved(STORED, tmp_path / "a" / "b.png")
    with pytest.raises(PictureError, match=r"b\.png: is 4 x 3, but its picture as it is seen 3 x 4; .*EXIF"):
        Written("other", tmp_path).localize(asked(np.zeros((4, 3, 3), np.uint8), orientation=orientation))


def test_what_the_size_does_not_show_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    saved(STORED, tmp_path / "a" / "b.png")
    program = Written("other", tmp_path)
    with caplog.at_level("WARNING"):
        for _ in range(2):
            program.localize(asked(np.zeros((3, 4, 3), np.uint8), orientation=3))
    assert len(caplog.records) == 1
    assert "other: pictures with an EXIF orientation" in caplog.text


def test_transparent_is_pristine_and_colour_is_refused(tmp_path: Path) -> None:
    saved(np.dstack([np.full_like(STORED, 255), STORED]), tmp_path / "a" / "b.png")
    answer = Written("other", tmp_path).localize(asked(np.zeros((3, 4, 3), np.uint8)))
    assert answer.mask == pytest.approx(STORED / 255, abs=1e-6)
    saved(np.dstack([STORED, 255 - STORED, STORED]), tmp_path / "a" / "b.png")
    with pytest.raises(PictureError, match=r"b\.png: is in colour"):
        Written("other", tmp_path).localize(asked(np.zeros((3, 4, 3), np.uint8)))


def test_one_mask_does_not_answer_for_two_pictures(tmp_path: Path) -> None:
    saved(STORED, tmp_path / "b.png")
    program = Written("other", tmp_path)
    program.localize(Question(PICTURE, "b.jpg"))
    with pytest.raises(PictureError, match=r"b\.png: is the mask of b\.jpg and of b\.tif; name it after one"):
        program.localize(Question(PICTURE, "b.tif"))


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_our_own_masks_score_as_the_detector(detector: Detector, tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PICTURE).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(REGION).save(tmp_path / "m.png")
    decoded = decode(tmp_path / "a.png")
    write_pictures(detector.detect(decoded), decoded.pixels, tmp_path / "out" / "a.png", ("mask16",))
    entry = Entry("a.png", tmp_path / "a.png", tmp_path / "m.png", "splicing")
    ours, fed_back = (
        score_picture(entry, method, (NATIVE,))[0] for method in (Network(detector), Written("self", tmp_path / "out"))
    )
    assert fed_back.pixels["pixel_auc"] == pytest.approx(ours.pixels["pixel_auc"], abs=1e-4)
