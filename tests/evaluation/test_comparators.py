from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from psccnet.evaluation.comparators import Question, find_comparator
from psccnet.evaluation.comparators.network import Network
from psccnet.evaluation.comparators.trivial import TRIVIAL
from psccnet.evaluation.comparators.written import Written
from psccnet.evaluation.distortions import jpeg
from psccnet.inference import Detector, PictureError
from psccnet.metrics import auc
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
