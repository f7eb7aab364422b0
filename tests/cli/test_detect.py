import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import skimage.data
from PIL import Image

from psccnet.cli import main
from psccnet.engine.engine import Engine, Output
from psccnet.inference import Detector

from ..conftest import texture
from .conftest import Run

FILES = ("mask", "overlay")


@pytest.fixture
def small(small: tuple[object, ...]) -> tuple[object, ...]:
    """The network alone; what the traces add has tests of its own below."""
    return *small, "--no-evidence"


@pytest.fixture
def folder(tmp_path: Path, photo: Path) -> Path:
    """Good and bad files."""
    path = tmp_path / "claims"
    (path / "deep").mkdir(parents=True)
    Image.fromarray(texture(1, 40, 50)).save(path / "good.jpg")
    Image.fromarray(texture(2, 50, 40)).convert("L").save(path / "deep" / "grey.png")
    (path / "cut.png").write_bytes(photo.read_bytes()[:300])
    (path / "empty.jpg").touch()
    (path / "words.jpg").write_text("words")
    (path / "notes.txt").write_text("not looked at")
    return path


def unseconded(line: dict) -> dict:
    return {key: value for key, value in line.items() if key not in ("seconds", "files", "name")}


def test_one_line_a_picture(psccnet: Run, small: tuple, photo: Path, detector: Detector) -> None:
    done = psccnet("detect", photo, *small)
    result = detector.detect(photo)
    assert (done.status, done.err) == (0, "")
    assert done.out.count("\n") == 1
    for part in (result.words, f"score {result.score:.3f}, threshold 0.500", result.place, str(photo)):
        assert part in done.out


def test_a_forged_picture_without_a_region_says_so(
    psccnet: Run, small: tuple, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = {scale: np.full((16, 16), 0.04, np.float32) for scale in (1, 2, 3, 4)}
    monkeypatch.setattr(Engine, "__call__", lambda *_: Output(0.9, flat))
    line = psccnet("detect", photo, *small).out
    assert line.startswith("forged         score 0.900, threshold 0.500  no region stands out")
    assert "0.0 %" not in line
    monkeypatch.setattr(Engine, "__call__", lambda *_: Output(0.1, flat))
    line = psccnet("detect", photo, *small).out
    assert line.startswith("nothing found  score 0.100, threshold 0.500  ")
    assert "%" not in line
    assert "region" not in line


def test_json_lines_are_the_results(psccnet: Run, small: tuple, photo: Path, folder: Path, detector: Detector) -> None:
    done = psccnet("detect", photo, folder / "deep" / "grey.png", "--json", *small)
    assert (done.status, done.err) == (0, "")
    lines = [json.loads(line) for line in done.out.splitlines()]
    for line, path in zip(lines, (photo, folder / "deep" / "grey.png"), strict=True):
        expected = detector.detect(path).to_dict()
        assert line.keys() == expected.keys() | {"files"}
        assert unseconded(line) == unseconded(expected)
        assert (line["name"], line["files"]) == (str(path), [])
    assert lines[1]["notes"] == ["grey converted to RGB"]


def test_confidence_is_told_and_drawn(psccnet: Run, small: tuple, photo: Path, tmp_path: Path) -> None:
    done = psccnet("detect", photo, "--confidence", "--out", tmp_path / "out", *small)
    assert "  confidence 0." in done.out
    assert sorted(path.suffixes[-2] for path in (tmp_path / "out").glob("*.png")) == [
        ".confidence",
        ".mask",
        ".overlay",
    ]
    done = psccnet("detect", photo, "--write", "confidence", "--json", "--out", tmp_path / "one", *small)
    line = json.loads(done.out)
    assert 0 < line["confidence"] <= 1
    assert [Path(file).name for file in line["files"]] == [f"{photo.name}.confidence.png"]


def test_bad_files_are_named_and_the_others_done(psccnet: Run, small: tuple, folder: Path, tmp_path: Path) -> None:
    done = psccnet("detect", folder, "nowhere.jpg", "x" * 300, "--out", tmp_path / "out", *small)
    assert done.status == 1
    assert [line.split()[-1] for line in done.out.splitlines() if "grey" not in line] == [str(folder / "good.jpg")]
    assert f"{folder / 'deep' / 'grey.png'}  (grey converted to RGB)" in done.out
    errors = done.err.splitlines()
    expected = (
        (folder / "cut.png", "truncated or damaged"),
        (folder / "empty.jpg", "the file is empty"),
        (folder / "words.jpg", "not a picture"),
        ("nowhere.jpg", "there is no such file"),
        ("x" * 300, "cannot be read"),
    )
    for error, (name, reason) in zip(errors, expected, strict=False):
        assert error.startswith(f"psccnet: {name}: {reason}")
    assert errors[-1] == "psccnet: 5 of 7 inputs failed, named above."
    assert "notes.txt" not in done.out + done.err
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert written == {f"{name}.{kind}.png" for name in ("good.jpg", "deep/grey.png") for kind in FILES}


def test_files_named_in_json_exist(psccnet: Run, small: tuple, photo: Path, tmp_path: Path) -> None:
    every = ("--write", "overlay, masks,mask16,mask")
    done = psccnet("detect", photo, photo, "--json", "--out", tmp_path / "out", *every, *small)
    files = [[Path(name) for name in json.loads(line)["files"]] for line in done.out.splitlines()]
    assert [path.name for path in files[0]] == [
        f"photo.png.{kind}.png" for kind in ("mask", "mask16", "overlay", "masks")
    ]
    assert files[1] == files[0]  # the same picture
    assert all(path.is_file() for path in files[0])
    with Image.open(files[0][1]) as mask, Image.open(files[0][3]) as strip:
        assert mask.size == (60, 40)
        assert strip.width == 5 * 66 - 6


def test_pictures_of_the_same_name_keep_their_results(psccnet: Run, small: tuple, tmp_path: Path) -> None:
    for seed, folder in enumerate(("da", "db")):
        (tmp_path / folder).mkdir()
        Image.fromarray(texture(seed, 40, 50)).save(tmp_path / folder / "x.png")
    out = tmp_path / "out"

    def written(*words: object) -> list[list[str]]:
        done = psccnet("detect", *words, "--json", "--out", out, "--write", "mask16", *small)
        return [json.loads(line)["files"] for line in done.out.splitlines()]

    first = written(tmp_path / "da", tmp_path / "db")
    assert first[0] == [str(out / "x.png.mask16.png")]
    assert first[1][0].startswith(str(out / "x.png-"))
    contents = {path: path.read_bytes() for path in out.glob("*.png")}
    assert len(contents) == 2
    assert written(tmp_path / "db") == first[1:]
    assert written(tmp_path / "da" / "x.png") == first[:1]
    assert {path: path.read_bytes() for path in out.glob("*.png")} == contents
    said = [json.loads(line) for line in (out / "psccnet-results.jsonl").read_text().splitlines()]
    assert {line["stem"]: line["picture"] for line in said} == {
        "x.png": str(tmp_path / "da" / "x.png"),
        Path(first[1][0]).name.removesuffix(".mask16.png"): str(tmp_path / "db" / "x.png"),
    }


def test_standard_input(psccnet: Run, small: tuple, photo: Path, monkeypatch: pytest.MonkeyPatch, detector: Detector):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(photo.read_bytes())))
    done = psccnet("detect", "-", "--json", *small)
    line = json.loads(done.out)
    assert (done.status, line["name"]) == (0, "stdin")
    assert unseconded(line) == unseconded(detector.detect(photo).to_dict())
    empty = psccnet("detect", "-", *small)  # it has been read to its end
    assert (empty.status, empty.out) == (1, "")
    assert "stdin: the file is empty" in empty.err


def test_the_command_line_of_the_process(
    small: tuple, photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["psccnet", "detect", str(photo), *map(str, small)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    assert str(photo) in capsys.readouterr().out


def test_thresholds_and_gate(psccnet: Run, small: tuple, photo: Path) -> None:
    low = json.loads(psccnet("detect", photo, "--json", "--threshold", 0, "--gate", *small).out)
    high = json.loads(psccnet("detect", photo, "--json", "--threshold", 1, "--gate", *small).out)
    assert (low["verdict"], low["threshold"], low["localized"]) == ("forged", 0, True)
    assert (high["verdict"], high["threshold"], high["localized"]) == ("pristine", 1, False)
    assert high["forged_fraction"] == 0
    assert low["score"] == high["score"]
    assert psccnet("detect", photo, "--threshold", "1", "--gate", *small).out.startswith("nothing found  ")


def test_a_coarser_exit(psccnet: Run, small: tuple, photo: Path, tmp_path: Path, detector: Detector) -> None:
    out = ("--out", tmp_path / "out", "--write", "masks")
    done = psccnet("detect", photo, "--json", "--exit-scale", 3, *out, *small)
    line = json.loads(done.out)
    assert unseconded(line) == unseconded(detector.detect(photo, exit_scale=3).to_dict())
    with Image.open(line["files"][0]) as strip:
        assert strip.width == 3 * 66 - 6


def test_the_pixel_limit(psccnet: Run, small: tuple, photo: Path) -> None:
    done = psccnet("detect", photo, "--max-megapixels", 0.001, *small)
    assert done.status == 1
    assert "photo.png: 60 x 40 is 0.0 megapixels, more than the limit of 0.001" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "psccnet: give a picture, or see psccnet detect --help\n"),
        (["EMPTY"], "psccnet: no picture in "),
        (["PHOTO", "--weights", "nowhere"], "psccnet: nowhere is neither a bundled name"),
        (["PHOTO", "--weights", "PHOTO"], "has no card"),
        (["PHOTO", "SMALL", "--device", "gpu"], "psccnet: device must be auto, cpu, cuda, cuda:1 or mps, not 'gpu'\n"),
        (["PHOTO", "SMALL", "--precision", "int8"], "psccnet: int8 needs quantized weights"),
        (
            ["PHOTO", "SMALL", "--out", "PHOTO"],
            "photo.png: there is a file where a folder is needed; name another folder.\n",
        ),
        (["PHOTO", "--write", "mask"], "psccnet: --write needs a folder to write to: add --out FOLDER\n"),
        (
            ["PHOTO", "--out", "EMPTY", "--write", "maks"],
            "psccnet: --write takes mask, mask16, overlay, masks, confidence, separated by commas, not 'maks'\n",
        ),
        (["PHOTO", "--exit-scale", "5"], 'Invalid value "5" for --exit-scale'),
        (["PHOTO", "--threshold", "1.5"], 'Invalid value "1.5" for --threshold'),
        (["PHOTO", "--bogus"], "psccnet: there is no option --bogus; see psccnet detect --help"),
        (["--jsn", "PHOTO"], "psccnet: there is no option --jsn; see psccnet detect --help"),
    ],
)
def test_wrong_usage(psccnet: Run, photo: Path, weights_file: Path, words: list[str], message: str) -> None:
    (photo.parent / "empty").mkdir()
    stands_for = {"PHOTO": [photo], "EMPTY": [photo.parent / "empty"], "SMALL": ["--weights", weights_file]}
    done = psccnet("detect", *(word for name in words for word in stands_for.get(name, [name])))
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
    if done.err.startswith("psccnet:"):
        assert done.err.count("\n") == 1


def test_a_name_that_is_too_long_for_results_is_one_failure(psccnet: Run, small: tuple, tmp_path: Path) -> None:
    long = tmp_path / f"{'x' * 240}.png"
    for path in (long, tmp_path / "y.png"):
        Image.fromarray(texture(0, 20, 20)).save(path)
    done = psccnet("detect", long, tmp_path / "y.png", "--out", tmp_path / "out", *small)
    assert done.status == 1
    assert done.out.count("y.png") == 1
    assert f"{long}: its name is too long for the results' names; shorten it." in done.err
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == sorted(
        f"y.png.{kind}.png" for kind in FILES
    )


def test_a_full_disk_loses_results_and_no_verdict(
    psccnet: Run, small: tuple, photo: Path, folder: Path, tmp_path: Path, fill_disk: Callable[[int], None]
) -> None:
    fill_disk(2)
    done = psccnet("detect", photo, folder / "good.jpg", folder / "empty.jpg", "--out", tmp_path / "out", *small)
    assert done.status == 3
    assert [line.split()[-1] for line in done.out.splitlines()] == [str(photo), str(folder / "good.jpg")]
    assert done.err.splitlines() == [
        f"psccnet: {photo}: its results are lost: {tmp_path}/out/photo.png.overlay.png: cannot be written (No space"
        " left on device); free space, or name another folder.",
        f"psccnet: {folder / 'empty.jpg'}: the file is empty; copy or download it again.",
        "psccnet: 1 of 3 inputs failed, named above.",
        "psccnet: the results of 1 of 3 inputs were not written.",
    ]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == sorted(
        f"good.jpg.{kind}.png" for kind in FILES
    )


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_computed(
    psccnet: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    done = psccnet("detect", photo, "--out", photo.parent / "out", "--weights", "nowhere")
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith(f"psccnet: {photo.parent}/out: cannot be written (Read-only file system); free space")


def test_an_answer_that_is_no_number_is_one_failure(
    psccnet: Run, small: tuple, photo: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Engine.__call__

    def sometimes(self: Engine, pixels: np.ndarray, *rest: object) -> Output:
        output = original(self, pixels, *rest)
        return output._replace(score=float("nan")) if pixels.shape[:2] == (40, 60) else output

    monkeypatch.setattr(Engine, "__call__", sometimes)
    done = psccnet("detect", photo, folder / "good.jpg", *small)
    assert (done.status, done.out.count("good.jpg")) == (1, 1)
    assert f"psccnet: {photo}: the network's answer is not a number" in done.err


def test_a_name_that_is_no_text(weights_file: Path, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(path, "wb") as file:
        Image.fromarray(texture(0, 20, 20)).save(file, "PNG")
    command = [sys.executable, "-m", "psccnet", "detect", tmp_path, "--weights", weights_file, "--backend", "openvino"]
    done = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONUTF8": "1"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"caf\udce9.png" in done.stdout


def test_what_a_folder_holds_besides_pictures_is_counted(
    psccnet: Run, small: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psccnet.pictures.picture_files.heif_is_read", lambda: False)
    folder = tmp_path / "phone"
    folder.mkdir()
    for name in ("a.HEIC", "b.heic", "c.NEF", "._d.jpg", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(b"not looked at")
    Image.fromarray(texture(1, 40, 50)).save(folder / "d.JPE", "JPEG")
    Image.fromarray(texture(1, 40, 50)).save(folder / "e.tga")
    done = psccnet("detect", folder, *small)
    assert (done.status, done.out.count("\n")) == (0, 2)
    assert done.err == (
        "psccnet: skipped: 2 .heic, 1 .nef (pip install 'psccnet[heif]' reads HEIC; develop raw files to TIFF or"
        " JPEG)\n"
    )
    for path in (folder / "d.JPE", folder / "e.tga"):
        path.unlink()
    done = psccnet("detect", folder, *small)
    assert (done.status, f"no picture in {folder}; skipped: 2 .heic, 1 .nef" in done.err) == (2, True)


def test_damage_is_no_verdict(psccnet: Run, small: tuple, tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(texture(1, 80, 120)).save(stream, "JPEG", restart_marker_blocks=2)
    data = stream.getvalue()
    (tmp_path / "cut.jpg").write_bytes(data[:-2])
    (tmp_path / "hole.jpg").write_bytes(data[: len(data) // 2] + data[len(data) // 2 + 200 :])
    done = psccnet("detect", tmp_path / "cut.jpg", tmp_path / "hole.jpg", *small)
    assert (done.status, done.out.count("\n")) == (1, 1)
    assert "(the end of the file is missing, all pixels are there)" in done.out
    assert f"psccnet: {tmp_path / 'hole.jpg'}: truncated or damaged" in done.err


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A photograph in which a part stands twice."""
    picture = skimage.data.astronaut()
    picture[300:410, 40:130] = picture[60:170, 180:270]
    Image.fromarray(picture).save(tmp_path / "copied.png")
    return tmp_path / "copied.png"


def of_weights(small: tuple[object, ...]) -> tuple[object, ...]:
    return small[:-1]


@pytest.mark.slow
def test_evidence_is_printed_and_drawn(psccnet: Run, small: tuple, copied: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = psccnet("detect", copied, "--evidence", "--out", out, "--threshold", 1, *of_weights(small))
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) <= 8
    assert lines[0].startswith("forged ")
    assert "by copy-move" in lines[0]
    assert any(line.strip().startswith("copy-move (indicates a manipulation): A part") for line in lines)
    drawing = out / "copied.png-evidence-copy-move.png"
    with Image.open(drawing) as drawn:
        assert drawn.size == (512, 512)


@pytest.mark.slow
def test_traces_count_unless_the_network_is_asked_for_alone(psccnet: Run, small: tuple, copied: Path) -> None:
    together = json.loads(psccnet("detect", copied, "--json", "--threshold", 1, *of_weights(small)).out)
    alone = json.loads(psccnet("detect", copied, "--json", "--threshold", 1, *small).out)
    assert (together["words"], together["verdict"], together["reasons"]) == ("forged", "forged", ["copy-move"])
    assert together["false_alarms"] <= 0.02
    assert (alone["words"], alone["findings"], alone["false_alarms"]) == ("nothing found", [], None)


def test_of_a_tiny_picture_there_is_no_verdict_and_a_reason(psccnet: Run, small: tuple, photo: Path) -> None:
    done = psccnet("detect", photo, *of_weights(small))
    assert done.out.startswith("no verdict")
    assert "below 64 pixels a side" in done.out


def test_pictures_from_a_list(psccnet: Run, small: tuple, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(f"{photo}\n{tmp_path}/gone.png\n".encode())
    done = psccnet("detect", "--from", tmp_path / "list", "--out", tmp_path / "out", *small)
    assert done.status == 1
    assert done.out.splitlines()[0].endswith(str(photo))
    assert f"psccnet: {tmp_path}/gone.png: there is no such file; check the path.\n" in done.err
    assert done.err.endswith("psccnet: 1 of 2 inputs failed, named above.\n")
    assert (tmp_path / "out" / "photo.png.mask.png").is_file()


def test_a_list_from_standard_input(
    psccnet: Run, small: tuple, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Piped:
        buffer = io.BytesIO(bytes(photo) + b"\0")

    monkeypatch.setattr("sys.stdin", Piped)
    done = psccnet("detect", "--from", "-", "--json", *small)
    assert (done.status, json.loads(done.out)["name"]) == (0, str(photo))
    both = psccnet("detect", "-", "--from", "-", *small)
    assert both.err == "psccnet: standard input cannot be both a picture and a list; give - only once\n"
    nowhere = psccnet("detect", "--from", tmp_path / "nowhere", *small)
    assert nowhere.err == f"psccnet: {tmp_path}/nowhere: there is no such list; check the path.\n"
    assert (both.status, nowhere.status) == (2, 2)


def test_a_link_to_nothing_is_an_input_that_failed(psccnet: Run, small: tuple, photo: Path) -> None:
    (photo.parent / "claims").mkdir()
    photo.rename(photo.parent / "claims" / "photo.png")
    (photo.parent / "claims" / "gone.png").symlink_to(photo.parent / "nowhere.png")
    done = psccnet("detect", photo.parent / "claims", *small)
    assert (done.status, len(done.out.splitlines())) == (1, 1)
    assert "claims/gone.png: a link to a file that does not exist; correct or remove it.\n" in done.err
    assert done.err.endswith("psccnet: 1 of 2 inputs failed, named above.\n")
