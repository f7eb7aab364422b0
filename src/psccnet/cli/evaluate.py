"""`psccnet evaluate`: pixel and image scores on pictures with ground truth."""

import json
import math
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.progress import progress

LABELS = {
    "pixel_auc": "pixel AUC, mean over forged pictures",
    "pixel_auc_pooled": "pixel AUC, pixels of forged pictures pooled",
    "f1_eer": "F1 at the picture's EER threshold, mean",
    "f1_eer_pooled": "F1 at the pooled EER threshold, pooled",
    "f1_half": "F1 at 0.5, mean over forged pictures",
    "f1_best": "F1 at the picture's best threshold, mean",
    "iou_half": "IoU at 0.5, mean over forged pictures",
    "mcc_half": "MCC at 0.5, mean over forged pictures",
    "image_auc": "image AUC, detection head",
    "image_auc_mean": "image AUC, mean of the mask",
    "image_auc_max": "image AUC, maximum of the mask",
    "image_eer": "image EER, detection head",
    "image_f1_eer": "image F1 at the EER threshold",
    "tpr_1": "forged pictures found at 1 % false alarms",
    "tpr_5": "forged pictures found at 5 % false alarms",
    "balanced_accuracy": "balanced accuracy at the verdict's threshold",
    "found": "forged pictures called forged",
    "false_alarms": "pristine pictures called forged",
}


def evaluate(
    listing: Path,
    /,
    *,
    weights: str = "default",
    dataset: str = "listing",
    split: str | None = None,
    sets: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = (),
    out: Path | None = None,
    json_summary: Annotated[bool, Parameter(name="--json", negative=())] = False,
    exit_scale: Annotated[int, Parameter(validator=Number(gte=1, lte=4))] = 1,
    device: str = "auto",
    precision: str = "auto",
) -> int:
    """Score weights on pictures with ground truth, at their native size.

    Exit status 1 if some pictures could not be used; they are named and left out.

    For example:

        psccnet evaluate validation/ --set casia1 --out scores.csv

        psccnet evaluate downloads/columbia/ --dataset columbia

    Args:
        listing: a CSV with the columns image, mask, manipulation (and set), or a folder with it as index.csv; with
            --dataset the folder of that data set.
        dataset: how the folder is laid out; `psccnet datasets list` lists the names.
        split: keep only train or test of the split for fine-tuning (Table I).
        weights: a bundled name, a .safetensors file, or a folder in the released layout.
        sets: only rows of this set; may be given several times.
        out: CSV file to write, one row a picture.
        json_summary: print the summary as one JSON object.
        exit_scale: finest mask to compute, 1..4 (Table V's Mask 4 .. Mask 1).
        device: auto, cpu, cuda or mps.
        precision: auto, float32 or bf16.
    """
    from psccnet.datasets.catalogue import find
    from psccnet.datasets.listing import read_listing
    from psccnet.evaluation.protocol import Evaluation, write_rows
    from psccnet.inference import load

    left_out: list[str] = []
    if split is not None and dataset == "listing":
        raise ValueError("--split needs --dataset, such as --dataset coverage --split test")
    if sets and dataset != "listing":
        raise ValueError("--set chooses rows of a CSV; with --dataset the folder is one set")
    if dataset == "listing":
        entries = read_listing(listing, sets)
    else:
        found = find(dataset, listing, split)
        entries = found.entries
        left_out = [f"{one.file} {one.text}" for one in found.faults]
        if not entries:
            raise ValueError(
                f"{listing}: no picture of {dataset} there; see psccnet datasets check {dataset} {listing}"
            )
    evaluation = Evaluation(load(weights, device=device, precision=precision), exit_scale)
    for _ in progress(evaluation.run(entries), "pictures", len(entries)):
        pass
    left_out += evaluation.failures
    for failure in left_out:
        print(f"psccnet: left out: {failure}", file=sys.stderr)
    if not evaluation.rows:
        raise ValueError(f"{listing}: none of its {len(entries)} pictures could be used")
    if out:
        write_rows(evaluation.rows, out)
    summary = evaluation.summary()
    if json_summary:
        clean = {name: None if math.isnan(value) else round(value, 6) for name, value in summary.items()}
        print(json.dumps({"model": evaluation.detector.model, "listing": str(listing), **clean}))
    else:
        _print(summary, evaluation.detector.model)
    return 1 if left_out else 0


def _print(summary: dict[str, float], model: str) -> None:
    forged, pictures = int(summary["forged"]), int(summary["pictures"])
    print(f"{model}: {pictures} pictures, {forged} forged; verdict at score >= {summary['threshold']:.3f}")
    for name, label in LABELS.items():
        low, high = summary.get(f"{name}_low"), summary.get(f"{name}_high")
        interval = f"   95 % [{low:.3f}, {high:.3f}]" if low is not None else ""
        value = "-" if math.isnan(summary[name]) else f"{summary[name]:.3f}"
        print(f"  {label:<46} {value}{interval if value != '-' else ''}")
        if name == "pixel_auc":
            for kind in ("splicing", "copy-move", "removal"):
                if f"pixel_auc_{kind}" in summary:
                    print(f"    {kind:<44} {summary[f'pixel_auc_{kind}']:.3f}")
