"""Annotations as they are found in the wild, and files that are broken."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from psccnet.errors import InputError
from psccnet.synthesis import Objects, Photographs, SynthesisRecipe, Synthesizer

from .conftest import packed_run_lengths, run_lengths, texture


def coco(folder: Path, *annotations: dict[str, object], file_name: str = "photograph-0.jpg") -> Path:
    images = [{"id": 1, "file_name": file_name, "width": 176, "height": 200}]
    path = folder / "instances_train2017.json"
    path.write_text(json.dumps({"images": images, "annotations": [{"image_id": 1, **one} for one in annotations]}))
    return path


BOX = [30, 40, 50, 60]


@pytest.mark.parametrize("segmentation", [run_lengths(), packed_run_lengths()], ids=["counts", "string"])
def test_run_length_masks(photographs: Photographs, tmp_path: Path, segmentation: dict[str, object]) -> None:
    objects = Objects.open(coco(tmp_path, {"segmentation": segmentation, "bbox": BOX}), photographs)
    picture, alpha = objects.draw(np.random.default_rng(0))
    assert alpha.sum() == 50 * 60
    whole = photographs.read(0)
    assert np.array_equal(picture[alpha > 0], whole[40:100, 30:80].reshape(-1, 3))


def test_masks_of_another_size_are_left_out_by_name(photographs: Photographs, tmp_path: Path) -> None:
    wrong = {"size": [20, 20], "counts": [400]}
    short = {"size": [200, 176], "counts": [5, 5]}
    good = {"segmentation": run_lengths(), "bbox": BOX}
    path = coco(
        tmp_path,
        {"id": 5, "segmentation": wrong, "bbox": BOX},
        {"id": 6, "segmentation": short, "bbox": BOX},
        good,
        good,
    )
    objects = Objects.open(path, photographs)
    for seed in range(20):
        objects.draw(np.random.default_rng(seed))
    assert objects.left_out == {
        f"{path.name}, annotation 5 of photograph-0.jpg": "its mask is 20 x 20, but the picture 176 x 200",
        f"{path.name}, annotation 6 of photograph-0.jpg": "its runs do not add up to the picture",
    }


@pytest.mark.parametrize("shape", [[], [[1, 2, 3, 4, 5, 6, 7]], [[10, 10, 60, 10]]])
def test_what_is_no_polygon_is_left_out_by_name(
    photographs: Photographs, tmp_path: Path, shape: list[list[float]]
) -> None:
    good = {"segmentation": run_lengths(), "bbox": BOX}
    objects = Objects.open(coco(tmp_path, {"id": 9, "segmentation": shape, "bbox": BOX}, good), photographs)
    assert len(objects) == 1
    assert list(objects.left_out.values()) == ["is not a polygon"]


def test_polygons_of_a_picture_that_was_resized_are_left_out(photographs: Photographs, tmp_path: Path) -> None:
    polygon = {"id": 3, "segmentation": [[5, 5, 80, 5, 80, 80]], "bbox": [5, 5, 75, 75]}
    path = coco(tmp_path, polygon, {"segmentation": run_lengths(), "bbox": BOX})
    path.write_text(path.read_text().replace('"width": 176', '"width": 352'))
    objects = Objects.open(path, photographs)
    for seed in range(8):
        objects.draw(np.random.default_rng(seed))
    assert list(objects.left_out.values()) == ["is annotated for 352 x 200, but the picture is 176 x 200"]


def test_a_tenth_of_the_cut_outs_is_for_validation(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "photographs")
    rows = [f"photograph-{i}.jpg,{'train' if i < 4 else 'validation'}" for i in range(8)]
    (tmp_path / "photographs" / "index.csv").write_text("\n".join(["file,split", *rows]))
    (tmp_path / "cutouts").mkdir()
    for i in range(60):
        cv2.imwrite(str(tmp_path / "cutouts" / f"{i}.png"), np.full((40, 40, 4), 255, np.uint8))
    train, validation, every = (
        {entry.name for entry in Objects.open(tmp_path, Photographs.open(tmp_path / "photographs", split))._entries}
        for split in ("train", "validation", None)
    )
    assert 2 <= len(validation) <= 12
    assert not train & validation
    assert len(train | validation) == len(every) == 60


def test_files_are_found_without_their_folder(tmp_path: Path) -> None:
    (tmp_path / "train2017").mkdir()
    for i in range(2):
        cv2.imwrite(str(tmp_path / "train2017" / f"photograph-{i}.jpg"), texture(i))
    pool = Photographs.open(tmp_path)
    (tmp_path / "annotations").mkdir()
    path = coco(tmp_path / "annotations", {"segmentation": run_lengths(), "bbox": BOX})
    assert len(Objects.open(path, pool)) == len(Objects.open(path.parent, pool)) == 1


@pytest.mark.parametrize("content", ["no JSON", "{}", '{"images": [], "annotations": [{}]}', "[]"])
def test_no_annotations(photographs: Photographs, tmp_path: Path, content: str) -> None:
    path = tmp_path / "instances.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"instances\.json: (not JSON|not COCO annotations|no annotation is of COCO)"):
        Objects.open(path, photographs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_id": 2},
        {"bbox": 5},
        {"bbox": BOX, "segmentation": [[[1], 2]]},
        {"bbox": BOX, "segmentation": 5},
        {"bbox": BOX, "segmentation": {"size": [1], "counts": "x"}},
        {"bbox": BOX, "segmentation": {"size": [200, 176], "counts": ["x"]}},
        {"segmentation": [[10, 10, float("nan"), 10, 60, 60]]},
        {"segmentation": {"size": [200, 176], "counts": "\x7f"}},
        {"segmentation": {"size": [1 << 40, 1 << 40], "counts": [5]}},
        5,
    ],
)
def test_an_annotation_of_another_form_is_left_out_by_name(
    photographs: Photographs, tmp_path: Path, wrong: dict[str, object] | int
) -> None:
    path = coco(tmp_path, {"segmentation": run_lengths(), "bbox": BOX})
    content = json.loads(path.read_text())
    content["annotations"].append({"image_id": 1, **wrong} if isinstance(wrong, dict) else wrong)
    path.write_text(json.dumps(content))
    objects = Objects.open(path, photographs)
    assert len(objects) == 1
    assert next(iter(objects.left_out)).startswith("instances_train2017.json, annotation 1")


def test_where_none_can_serve_the_reason_is_said(photographs: Photographs, tmp_path: Path) -> None:
    path = coco(tmp_path, {"segmentation": [[float("nan"), 10, 60, 10, 60, 60]]}, {"segmentation": []})
    with pytest.raises(
        InputError, match=r"no objects .*: 2 are left out, such as .*annotation 0 of .*, which has a coordinate that"
    ):
        Objects.open(path, photographs)


@pytest.mark.parametrize("box", [{}, {"bbox": ["a", 1, "b", 2]}, {"bbox": [1, 2, float("nan"), 3]}])
def test_polygons_need_no_box(photographs: Photographs, tmp_path: Path, box: dict[str, object]) -> None:
    square, small = [[20, 30, 80, 30, 80, 100, 20, 100]], [[0, 0, 9, 0, 9, 9]]
    path = coco(tmp_path, {"segmentation": square, **box}, {"segmentation": small, **box})
    objects = Objects.open(path, photographs)
    assert (len(objects), objects.left_out) == (1, {})


def test_a_picture_id_that_is_given_twice_is_not_guessed(photographs: Photographs, tmp_path: Path) -> None:
    path = coco(tmp_path, {"segmentation": run_lengths(), "bbox": BOX})
    content = json.loads(path.read_text())
    content["images"] += [{"id": 7, "file_name": f"photograph-{i}.jpg"} for i in (1, 2)]
    content["annotations"].append({"image_id": 7, "segmentation": run_lengths()})
    path.write_text(json.dumps(content))
    assert list(Objects.open(path, photographs).left_out) == ["instances_train2017.json, annotation 1"]


def test_a_bug_of_ours_is_not_called_a_bad_annotation(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise KeyError("planted")

    monkeypatch.setattr(Photographs, "find", broken)
    with pytest.raises(KeyError, match="planted"):
        Objects.open(coco(tmp_path, {"segmentation": run_lengths(), "bbox": BOX}), photographs)


def test_a_truncated_photograph_is_left_out_by_name(tmp_path: Path) -> None:
    for i in range(6):
        suffix = "png" if i == 1 else "jpg"
        path = tmp_path / f"{i}.{suffix}"
        cv2.imwrite(str(path), texture(i))
        if i < 2:
            path.write_bytes(path.read_bytes()[:-2000])
    synthesizer = Synthesizer(Photographs.open(tmp_path), recipe=SynthesisRecipe(size=64))
    sources = {synthesizer.sample(index).source for index in range(24)}
    assert sources == {"2.jpg", "3.jpg", "4.jpg", "5.jpg"}
    assert set(synthesizer.left_out) == {"0.jpg", "1.png"}
    assert all("whole" in reason or "truncated" in reason for reason in synthesizer.left_out.values())


def test_donors_are_of_another_camera(tmp_path: Path) -> None:
    for camera in ("D01_Samsung_GalaxyS3Mini", "D02_Apple_iPhone4s"):
        (tmp_path / camera).mkdir()
        for i in range(4):
            cv2.imwrite(str(tmp_path / camera / f"{camera[:3]}_I_nat_{i:04d}.jpg"), texture(i))
    pool = Photographs.open(tmp_path)
    assert {pool.camera(i) for i in range(8)} == {"D01", "D02"}
    synthesizer = Synthesizer(pool, recipe=SynthesisRecipe(size=64))
    draws = [synthesizer._other_photograph(0, np.random.default_rng(seed)) for seed in range(200)]
    # Four draws in a row find a photograph of the same camera with a probability of (3/7)^4.
    assert np.mean([pool.camera(i) == "D01" for i in draws]) < 0.1
    assert 0 not in draws
