"""The command `psccnet`: one small file a verb; what needs torch is imported when a verb runs."""

import io
import logging
import os
import sys

from cyclopts import App

from psccnet.cli.ablate import ablate
from psccnet.cli.benchmark import benchmark
from psccnet.cli.datasets import check, list_datasets
from psccnet.cli.detect import detect
from psccnet.cli.evaluate import evaluate
from psccnet.cli.export import export
from psccnet.cli.figure import figure
from psccnet.cli.synthesize import synthesize
from psccnet.cli.table import table
from psccnet.cli.train import train
from psccnet.cli.weights import bundle, import_weights, list_weights, quantize, show, verify

app = App(
    name="psccnet",
    help="Tells whether a picture was manipulated (splicing, copy-move, removal), and shows where.",
    help_epilogue="Start with:  psccnet detect photo.jpg --out results/",
    result_action="return_value",
)
app.command(detect)
app.command(evaluate)
app.command(table)
app.command(figure)
app.command(ablate)
app.command(synthesize)
app.command(train)
app.command(export)
app.command(benchmark)
datasets = App(name="datasets", help="List data sets, and check whether one is whole.")
datasets.command(list_datasets, name="list")
datasets.command(check)
app.command(datasets)
weights = App(name="weights", help="List, show, verify, import, bundle and quantize weights.")
weights.command(list_weights, name="list")
weights.command(show)
weights.command(verify)
weights.command(import_weights, name="import")
weights.command(bundle)
weights.command(quantize)
app.command(weights)


class _OnStandardError(logging.Handler):
    """Says what library code logs as the command says its own words; on the standard error of that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"psccnet: {record.getMessage()}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 some inputs failed (named), 2 wrong usage or input."""
    log = logging.getLogger("psccnet")
    log.handlers = [_OnStandardError()]
    log.setLevel(logging.INFO)
    # A file's name may hold bytes that the output's encoding has no letters for.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = app(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; Python would complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ValueError, FloatingPointError, OSError) as error:
        print(f"psccnet: {error}", file=sys.stderr)
        sys.exit(2)
    except MemoryError as error:
        print(f"psccnet: out of memory ({error}): close other programs, or give less at a time", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("psccnet"):
            raise
        extra = "int8" if error.name == "nncf" else "train"
        print(f"psccnet: this needs {error.name}: pip install 'psccnet[{extra}]'", file=sys.stderr)
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)
