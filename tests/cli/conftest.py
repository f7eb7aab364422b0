"""Run `psccnet` in this process; photographs to synthesize from."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from psccnet.cli import main

from ..conftest import texture


class Done(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def psccnet(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; words may be paths."""

    def run(*words: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        assert isinstance(left.value.code, int)
        return Done(left.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def small(weights_file: Path) -> tuple[object, ...]:
    """Options that choose the small weights, exactly computed."""
    return "--weights", weights_file, "--precision", "float32", "--device", "cpu"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(texture(0, 40, 60)).save(path)
    return path


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five photographs to train on and three to validate on."""
    folder = tmp_path_factory.mktemp("photographs")
    for i in range(8):
        Image.fromarray(texture(i, 96, 96)).save(folder / f"{i}.png")
    rows = [f"{i}.png,{'train' if i < 5 else 'validation'}" for i in range(8)]
    (folder / "index.csv").write_text("\n".join(["file,split", *rows]) + "\n")
    return folder
