import subprocess
import sys

import pytest

import psccnet as package
from psccnet.cli import main

from .conftest import Run

COMMANDS = ["datasets", "detect", "evaluate", "synthesize", "train"]
OF_WEIGHTS = ["list", "show", "verify", "import", "bundle"]


def test_every_command_is_listed_with_what_it_does(psccnet: Run) -> None:
    for words, names in (([], [*COMMANDS, "weights"]), (["weights"], OF_WEIGHTS)):
        done = psccnet(*words, "--help")
        assert done.status == 0
        lines = [line.strip("│ ") for line in done.out.splitlines()]
        for name in names:
            said = next(line.removeprefix(name).strip() for line in lines if line.startswith(f"{name} "))
            assert len(said.split()) >= 4


@pytest.mark.parametrize(
    "words",
    [[name] for name in COMMANDS]
    + [["weights", name] for name in OF_WEIGHTS]
    + [["datasets", name] for name in ("list", "check")],
)
def test_every_command_has_help(psccnet: Run, words: list[str]) -> None:
    done = psccnet(*words, "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: psccnet {' '.join(words)}")
    if words[-1] in ("detect", "evaluate", "synthesize", "train", "import", "check"):
        assert f" psccnet {' '.join(words)} " in done.out.split("\n", 2)[2]  # an example


def test_version(psccnet: Run) -> None:
    assert psccnet("--version") == (0, f"{package.__version__}\n", "")


def test_a_command_that_is_none(psccnet: Run) -> None:
    done = psccnet("bogus")
    assert (done.status, done.out) == (2, "")
    assert 'Unknown command "bogus"' in done.err


def test_a_missing_extra_is_named(psccnet: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.delitem(sys.modules, "psccnet.synthesis.writing", raising=False)
    monkeypatch.setitem(sys.modules, "cv2", None)
    for name in [name for name in sys.modules if name.startswith("psccnet.synthesis")]:
        monkeypatch.delitem(sys.modules, name)
    done = psccnet("synthesize", tmp_path, "--out", tmp_path)
    assert done == (2, "", "psccnet: this needs cv2: pip install 'psccnet[train]'\n")


def test_a_missing_module_of_ours_is_not_passed_off_as_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psccnet.synthesis", None)
    with pytest.raises(ModuleNotFoundError, match=r"psccnet\.synthesis"):
        main(["synthesize", "photographs", "--out", "out"])


def test_the_installed_command() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from psccnet.cli import main; main()",
            "detect",
            "nowhere",
            "--weights",
            "no",
        ],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("psccnet: no is neither bundled weights")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-c", "from psccnet.cli import main; main(['weights', 'show', 'default'])"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
