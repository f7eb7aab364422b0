"""The command `psccnet`: one small file a verb; what needs torch is imported when a verb runs."""

import io
import logging
import os
import sys

from cyclopts import App

import psccnet
from psccnet.errors import PsccnetError, WriteError

DEBUG = "--debug"
_EXTRAS = {"nncf": "int8", "fastapi": "serve", "uvicorn": "serve", "jinja2": "report", "weasyprint": "report"}
"""Module that is missing -> the extra that brings it, where that is not train."""
WRONG_INPUT, CANNOT_WRITE, INTERRUPTED = 2, 3, 130
"""Exit statuses, beside 0 and 1; 130 is what shells give for Ctrl-C."""

app = App(
    name="psccnet",
    version=psccnet.__version__,
    help="Tells whether a picture was manipulated (splicing, copy-move, removal), and shows where.",
    help_epilogue="Start with:  psccnet detect photo.jpg --out results/\n\n"
    "psccnet --debug ..., or PSCCNET_DEBUG=1, shows with an error where in the code it arose.",
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `main` says what was interrupted
)
# By the paths of their functions, so that a verb waits for no other's imports.
VERBS = (
    "detect",
    "report",
    "serve",
    "page",
    "scan",
    "explain",
    "evaluate",
    "table",
    "figure",
    "ablate",
    "synthesize",
    "train",
    "export",
    "benchmark",
)
for _verb in VERBS:
    app.command(f"psccnet.cli.{_verb}:{_verb}")
datasets = App(name="datasets", help="List data sets, check whether one is whole, write one for IMDL-BenCo.")
datasets.command("psccnet.cli.datasets:list_datasets", name="list")
datasets.command("psccnet.cli.datasets:check")
datasets.command("psccnet.cli.datasets:export")
datasets.command("psccnet.cli.datasets:collect")
app.command(datasets)
weights = App(name="weights", help="List, show, verify, import, bundle, calibrate and quantize weights.")
weights.command("psccnet.cli.weights:list_weights", name="list")
weights.command("psccnet.cli.weights:show")
weights.command("psccnet.cli.weights:card")
weights.command("psccnet.cli.weights:verify")
weights.command("psccnet.cli.weights:import_weights", name="import")
weights.command("psccnet.cli.weights:bundle")
weights.command("psccnet.cli.weights:calibrate")
weights.command("psccnet.cli.weights:quantize")
app.command(weights)


class _OnStandardError(logging.Handler):
    """Says what library code logs as the command says its own words; on the standard error of that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"psccnet: {record.getMessage()}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit.

    Status 0 done, 1 some inputs failed (named), 2 wrong usage or input, 3 results cannot be written, 130 interrupted.
    A `PsccnetError` becomes one sentence. Anything else is a fault of this package and keeps its traceback; with
    --debug, or the variable PSCCNET_DEBUG, everything does.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in words or os.environ.get("PSCCNET_DEBUG", "") not in ("", "0")
    log = logging.getLogger("psccnet")
    log.handlers = [_OnStandardError()]
    log.setLevel(logging.INFO)
    # A file's name may hold bytes that the output's encoding has no letters for.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if not words or {"--help", "-h"} & set(words):
        _load_all(app)
    try:
        status = app([word for word in words if word != DEBUG])
        sys.stdout.flush()
    except BrokenPipeError:  # The reader, such as `head`, has seen enough.
        _write_no_more()
        sys.exit(1)
    except (Exception, KeyboardInterrupt) as error:
        told = None if debug else _told(error)
        if told is None:
            raise
        sentence, status = told
        print(f"psccnet: {sentence}", file=sys.stderr)
    sys.exit(status if isinstance(status, int) else 0)


def _load_all(of: App) -> None:
    """Import the functions of all verbs: the list of them shows what each is for."""
    for name in of:
        if not name.startswith("-"):
            _load_all(of[name])


def _told(error: BaseException) -> tuple[str, int] | None:
    """A sentence about an error and the exit status; None of what is a fault of ours."""
    match error:
        case WriteError():
            return str(error), CANNOT_WRITE
        case PsccnetError():
            # A loader process of torch's puts its own words and the traceback before ours.
            return str(error).rpartition(f"{type(error).__name__}: ")[2].strip(), WRONG_INPUT
        case KeyboardInterrupt():
            return str(error) or "interrupted", INTERRUPTED
        case MemoryError():
            why = f" ({error})" if str(error) else ""
            return f"out of memory{why}: close other programs, or give less at a time", WRONG_INPUT
        case ModuleNotFoundError() if not (error.name or "").startswith("psccnet"):
            extra = _EXTRAS.get(error.name or "", "train")
            return f"this needs {error.name}: pip install 'psccnet[{extra}]'", WRONG_INPUT
        # What fails on a file that was opened already has no name; files of ours have a WriteError.
        case OSError(filename=None) if _standard_output_fails():
            _write_no_more()
            return f"standard output cannot be written ({error.strerror}); make room for it.", CANNOT_WRITE
    return None


def _standard_output_fails() -> bool:
    """Whether it does not take another blank line."""
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def _write_no_more() -> None:
    """Send what is left for standard output nowhere; Python would complain again when it flushes at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
