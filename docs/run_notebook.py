"""Run the tutorial's notebook and store its outputs in it: `make notebook`.

They are stored, so that whoever only reads it, on GitHub or on the site, sees what comes out. Times and what goes to
standard error (progress) are left out, so that the file stays small and two runs differ in figures alone.
"""

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent / "tutorials" / "fine-tune.ipynb"


def is_kept(output: Any) -> bool:
    """Whether an output is a picture or text on standard output."""
    return output.get("name") == "stdout" or "image/png" in output.get("data", {})


def main() -> None:
    """Run all cells in the notebook's folder; the first error ends it, and nothing is then written."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, resources={"metadata": {"path": str(NOTEBOOK.parent)}}, record_timing=False)
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if is_kept(output)]
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
