"""Write what network and traces together find into docs/results/, from which `make readme` writes README and docs.

psccnet evaluate validation/ --set casia1 --comparator evidence:default --out run/
python benchmarks/verdict.py run/
make readme
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

from psccnet.evaluation.stored_runs import StoredRun, read_run
from psccnet.evaluation.summary import summarize
from psccnet.metrics import called_at, count

OUT = Path(__file__).parents[1] / "docs" / "results" / "verdict-casia1.json"
COMMAND = "psccnet evaluate validation/ --set casia1 --comparator evidence:default"


def figures(run: StoredRun) -> dict[str, Any]:
    """The content of the file: what was measured when, with what and where; and all scores, with four digits.

    Beside the scores of `psccnet evaluate --json`, it has for each manipulation the number of pictures
    ("forged_MANIPULATION") and the share whose verdict is not "nothing found" ("found_MANIPULATION").
    """
    scores = summarize(run.rows, run.threshold)
    for kind in sorted({row.manipulation for row in run.rows if row.forged}):
        of_kind = [row.score for row in run.rows if row.manipulation == kind]
        scores[f"forged_{kind}"] = len(of_kind)
        scores[f"found_{kind}"] = called_at(count(of_kind, [True] * len(of_kind)), run.threshold)[0]
    return {
        "measured": run.source.date,
        "command": COMMAND,
        "weights": f"{run.source.comparator} {run.source.version}",
        "processor": " and ".join(sorted({sitting.get("machine", "") for sitting in run.source.versions})),
        "scores": {name: round(value, 4) for name, value in scores.items() if not math.isnan(value)},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder that psccnet evaluate --out wrote")
    OUT.write_text(json.dumps(figures(read_run(parser.parse_args().run)), indent=2) + "\n", encoding="utf-8")
    print(OUT)
