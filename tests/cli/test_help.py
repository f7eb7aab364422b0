import inspect
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
from cyclopts import App

import psccnet as package
from psccnet.cli import app, main

from .conftest import Run


def verbs(of: App, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """All that the application can be told, such as ("weights", "show"), and groups of them, such as ("weights",)."""
    for name in of:
        if not name.startswith("-"):
            yield (*words, name), of[name]
            yield from verbs(of[name], (*words, name))


VERBS = dict(verbs(app))
COMMANDS = [words for words, verb in VERBS.items() if verb.default_command is not None]


def examples(words: tuple[str, ...]) -> list[list[str]]:
    """The command lines of a verb's help, without what is before or after a pipe."""
    paragraphs = inspect.cleandoc(VERBS[words].help or "").split("\n\n")
    lines = [" ".join(text.split()).rpartition("| ")[2] for text in paragraphs if text.startswith("    ")]
    return [shlex.split(line) for line in lines]


def test_the_commands_are_found() -> None:
    assert {("detect",), ("weights", "import"), ("datasets", "check")} < set(COMMANDS)
    assert len(COMMANDS) >= 17
    assert ("weights",) not in COMMANDS


@pytest.mark.parametrize("group", [(), *sorted(VERBS.keys() - COMMANDS)], ids=" ".join)
def test_every_command_is_listed_with_what_it_does(psccnet: Run, group: tuple[str, ...]) -> None:
    done = psccnet(*group, "--help")
    assert done.status == 0
    lines = [line.strip("│ ") for line in done.out.splitlines()]
    for *above, name in VERBS:
        if tuple(above) == group:
            said = next(line.removeprefix(name).strip() for line in lines if line.startswith(f"{name} "))
            assert len(said.split()) >= 4


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(psccnet: Run, words: tuple[str, ...]) -> None:
    done = psccnet(*words, "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: psccnet {' '.join(words)}")
    if list(VERBS[words].assemble_argument_collection()):
        assert f" psccnet {' '.join(words)} " in done.out.split("\n", 2)[2]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_example_is_a_command_line(words: tuple[str, ...]) -> None:
    shown = []
    for name, *tokens in examples(words):
        assert name == "psccnet"
        command, *_ = app.parse_args(tokens, exit_on_error=False, print_error=False)
        shown.append(command)
    assert VERBS[words].default_command in shown or not list(VERBS[words].assemble_argument_collection())


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
    assert done.stderr.startswith("psccnet: no is neither a bundled name")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-c", "from psccnet.cli import main; main(['weights', 'show', 'default'])"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
