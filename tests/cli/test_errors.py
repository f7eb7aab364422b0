"""What becomes of an error: a sentence and a status of its own, or a traceback where the fault is ours."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from torch._utils import ExceptionWrapper

from psccnet import errors
from psccnet.cli import app, main

from .conftest import Run

KINDS = [kind for kind in errors.PsccnetError.__subclasses__() if kind is not errors.UnusableFileError]


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make `psccnet weights list` raise it."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(app["weights"]["list"], "default_command", fail)


@pytest.mark.parametrize("kind", [errors.PsccnetError, *KINDS])
def test_each_kind_is_one_sentence(
    psccnet: Run, monkeypatch: pytest.MonkeyPatch, kind: type[errors.PsccnetError]
) -> None:
    raising(monkeypatch, kind("a.jpg: is a word; mend it."))
    status = 3 if kind is errors.WriteError else 2
    assert psccnet("weights", "list") == (status, "", "psccnet: a.jpg: is a word; mend it.\n")


@pytest.mark.parametrize(
    "bug", [ValueError("planted"), OSError(2, "planted"), FloatingPointError("planted"), KeyError("planted")]
)
def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, bug: Exception) -> None:
    raising(monkeypatch, bug)
    with pytest.raises(type(bug), match="planted"):
        main(["weights", "list"])


def test_the_traceback_is_shown_and_the_status_is_not_one_of_ours() -> None:
    code = (
        "import psccnet.weights.reading as r; r.bundled = lambda: {}['planted']; from psccnet.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "weights", "show"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("KeyError: 'planted'\n")


@pytest.mark.parametrize("debug", ["first", "last", "variable"])
@pytest.mark.parametrize(
    "error", [errors.InputError("words"), KeyboardInterrupt(), MemoryError(), ModuleNotFoundError("words", name="cv2")]
)
def test_debug_shows_where_it_arose(monkeypatch: pytest.MonkeyPatch, debug: str, error: BaseException) -> None:
    raising(monkeypatch, error)
    words = ["weights", "list"]
    if debug == "variable":
        monkeypatch.setenv("PSCCNET_DEBUG", "1")
    else:
        words = ["--debug", *words] if debug == "first" else [*words, "--debug"]
    with pytest.raises(type(error)) as caught:
        main(words)
    assert caught.value is error


def test_debug_is_off_when_it_says_so(psccnet: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSCCNET_DEBUG", "0")
    raising(monkeypatch, errors.InputError("words"))
    assert psccnet("weights", "list") == (2, "", "psccnet: words\n")


def test_debug_changes_nothing_else(psccnet: Run) -> None:
    assert psccnet("--debug", "weights", "list") == psccnet("weights", "list")
    assert psccnet("--debug", "bogus").status == 2
    assert "psccnet --debug" in psccnet("--help").out


def test_interrupted(psccnet: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert psccnet("weights", "list") == (130, "", "psccnet: interrupted\n")


def test_out_of_memory(psccnet: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, MemoryError())
    words = "psccnet: out of memory: close other programs, or process less at a time\n"
    assert psccnet("weights", "list") == (2, "", words)


def test_a_sentence_out_of_a_loader_process_is_only_the_sentence(psccnet: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        raise errors.InputError("16 pictures in a row cannot be used; see ValueError: that is how it is.")
    except errors.InputError:
        wrapped = ExceptionWrapper(sys.exc_info(), "in DataLoader worker process 0")
    with pytest.raises(errors.InputError, match="Original Traceback") as caught:
        wrapped.reraise()
    raising(monkeypatch, caught.value)
    done = psccnet("weights", "list")
    assert done.err == "psccnet: 16 pictures in a row cannot be used; see ValueError: that is how it is.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_standard_output_that_takes_no_more(monkeypatch: pytest.MonkeyPatch, unbuffered: str) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "psccnet", "weights", "list"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    words = "psccnet: standard output cannot be written (No space left on device); free space for it.\n"
    assert (done.returncode, done.stderr) == (3, words)


def test_what_the_library_logs_is_said(psccnet: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert psccnet("weights", "list").err == ""
    logging.getLogger("psccnet.of.some.room").warning("left out: %s", "a.jpg")
    assert capsys.readouterr() == ("", "psccnet: left out: a.jpg\n")
