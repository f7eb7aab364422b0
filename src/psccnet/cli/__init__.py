"""The command `psccnet`: one small file a verb, loaded when it is called."""

import sys

from cyclopts import App

app = App(
    name="psccnet",
    help="Tells whether a picture was manipulated (splicing, copy-move, removal), and shows where.",
    help_epilogue="Start with:  psccnet detect photo.jpg --out results/",
    result_action="return_value",
)
app.command("psccnet.cli.detect:detect")
app.command("psccnet.cli.evaluate:evaluate")
app.command("psccnet.cli.synthesize:synthesize")
app.command("psccnet.cli.train:train")
weights = App(name="weights", help="List, show, verify, import and bundle weights.")
weights.command("psccnet.cli.weights:list_weights", name="list")
weights.command("psccnet.cli.weights:show", name="show")
weights.command("psccnet.cli.weights:verify", name="verify")
weights.command("psccnet.cli.weights:import_weights", name="import")
weights.command("psccnet.cli.weights:bundle", name="bundle")
app.command(weights)


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 some inputs failed (named), 2 wrong usage or input."""
    try:
        status = app(arguments)
    except (ValueError, FloatingPointError, OSError) as error:
        print(f"psccnet: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("psccnet"):
            raise
        print(f"psccnet: this verb needs {error.name}: pip install 'psccnet[train]'", file=sys.stderr)
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)
