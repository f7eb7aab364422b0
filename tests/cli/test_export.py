"""`psccnet export` and `psccnet benchmark`."""

import json
from pathlib import Path

import pytest
from PIL import Image

from psccnet.cli import main


def run(*arguments: object) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    return ended.value.code


@pytest.mark.slow
def test_export_by_the_ending(weights_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", tmp_path / "a.xml", "--weights", weights_file) == 0
    out, err = capsys.readouterr()
    assert out.split() == [str(tmp_path / "a.xml"), str(tmp_path / "a.bin")]
    assert "verified against the network in torch" in err
    assert run("export", tmp_path / "a.h5") == 2
    assert "must end in .onnx, .xml (OpenVINO) or .pt (TorchScript)" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "a.xml"]


def test_export_to_an_ending_of_another_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", tmp_path / "a.pt", "--format", "onnx") == 2
    assert capsys.readouterr().err == f"psccnet: {tmp_path}/a.pt does not end in .onnx: give it that ending\n"
    assert run("export", tmp_path / "none" / "a.onnx") == 2
    assert "none is not a folder: make it first" in capsys.readouterr().err


@pytest.mark.slow
def test_benchmark(weights_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--weights", weights_file, "--size", "70x50", "--repeats", 1, "--precision", "float32")
    assert run("benchmark", *options, "--plot", tmp_path / "time.png") == 0
    out, _ = capsys.readouterr()
    assert "| 70 x 50 |" in out
    with Image.open(tmp_path / "time.png") as picture:
        assert picture.size[0] > 500
    assert run("benchmark", *options, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["width"], shown["height"], shown["precision_bytes"]) == (70, 50, 4)
    assert run("benchmark", "--size", "12by13") == 2
    assert "'12by13' is not WIDTHxHEIGHT" in capsys.readouterr().err
