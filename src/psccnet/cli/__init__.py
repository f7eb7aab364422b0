"""The command `psccnet`: one small file for each verb. Slow imports, such as torch, happen when a verb runs."""

import io
import logging
import os
import sys

from cyclopts import App

import psccnet
from psccnet.errors import PsccnetError, WriteError

DEBUG = "--debug"
_EXTRAS = {"nncf": "int8", "fastapi": "serve", "uvicorn": "serve", "jinja2": "report", "weasyprint": "report"}
"""The extra that installs a missing module, if it is not train."""
WRONG_INPUT, CANNOT_WRITE, INTERRUPTED = 2, 3, 130
"""Exit statuses besides 0 and 1; 130 is the shells' status for Ctrl-C."""

app = App(
    name="psccnet",
    version=psccnet.__version__,
    help="Find out whether a picture was manipulated (splicing, copy-move, removal), and where.",
    help_epilogue="Start with:  psccnet detect photo.jpg --out results/\n\n"
    "psccnet --debug ..., or PSCCNET_DEBUG=1, shows the traceback of an error.",
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `main` prints a message
)
# By the import paths of their functions, so that a verb does not wait for the imports of others.
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
datasets = App(name="datasets", help="List data sets, check whether one is complete, write one for IMDL-BenCo.")
datasets.command("psccnet.cli.datasets:list_datasets", name="list")
datasets.command("psccnet.cli.datasets:check")
datasets.command("psccnet.cli.datasets:export")
datasets.command("psccnet.cli.datasets:collect")
app.command(datasets)
weights = App(
    name="weights", help="List, show, verify, import, bundle, calibrate and quantize weights; train those of a trace."
)
weights.command("psccnet.cli.weights:list_weights", name="list")
weights.command("psccnet.cli.weights:show")
weights.command("psccnet.cli.weights:card")
weights.command("psccnet.cli.weights:verify")
weights.command("psccnet.cli.weights:import_weights", name="import")
weights.command("psccnet.cli.weights:bundle")
weights.command("psccnet.cli.weights:calibrate")
weights.command("psccnet.cli.weights:quantize")
weights.command("psccnet.cli.weights:square_statistics")
app.command(weights)


class _OnStandardError(logging.Handler):
    """Prints log messages in the same form as the command's own messages, on the current standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"psccnet: {record.getMessage()}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit.

    Status 0 done, 1 some inputs failed (named), 2 wrong usage or input, 3 results cannot be written, 130 interrupted.
    A `PsccnetError` is printed as one sentence. Any other exception is a bug of this package and keeps its traceback;
    with --debug, or the variable PSCCNET_DEBUG, every exception does.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in words or os.environ.get("PSCCNET_DEBUG", "") not in ("", "0")
    log = logging.getLogger("psccnet")
    log.handlers = [_OnStandardError()]
    log.setLevel(logging.INFO)
    # File names may have bytes that the encoding of the output cannot represent.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if not words or {"--help", "-h"} & set(words):
        _load_all(app)
    try:
        status = app([word for word in words if word != DEBUG])
        sys.stdout.flush()
    except BrokenPipeError:  # The reader, such as `head`, has closed the pipe.
        _discard_output()
        sys.exit(1)
    except (Exception, KeyboardInterrupt) as error:
        explained = None if debug else _explain(error)
        if explained is None:
            raise
        sentence, status = explained
        print(f"psccnet: {sentence}", file=sys.stderr)
    sys.exit(status if isinstance(status, int) else 0)


def _load_all(group: App) -> None:
    """Import the functions of all verbs, whose docstrings the list of verbs shows."""
    for name in group:
        if not name.startswith("-"):
            _load_all(group[name])


def _explain(error: BaseException) -> tuple[str, int] | None:
    """A sentence about an error and the exit status; None for a bug of this package."""
    match error:
        case WriteError():
            return str(error), CANNOT_WRITE
        case PsccnetError():
            # A loader process of torch puts its own message and a traceback before ours.
            return str(error).rpartition(f"{type(error).__name__}: ")[2].strip(), WRONG_INPUT
        case KeyboardInterrupt():
            return str(error) or "interrupted", INTERRUPTED
        case MemoryError():
            why = f" ({error})" if str(error) else ""
            return f"out of memory{why}: close other programs, or process less at a time", WRONG_INPUT
        case ModuleNotFoundError() if not (error.name or "").startswith("psccnet"):
            extra = _EXTRAS.get(error.name or "", "train")
            return f"this needs {error.name}: pip install 'psccnet[{extra}]'", WRONG_INPUT
        # Errors of open files have no file name; for files of ours there is a WriteError.
        case OSError(filename=None) if _standard_output_fails():
            _discard_output()
            return f"standard output cannot be written ({error.strerror}); free space for it.", CANNOT_WRITE
    return None


def _standard_output_fails() -> bool:
    """Whether printing a blank line fails."""
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def _discard_output() -> None:
    """Discard the remaining output; otherwise Python reports another error when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
