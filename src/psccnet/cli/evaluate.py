"""`psccnet evaluate`: compute pixel and image scores on pictures with ground truth."""

import json
import math
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.inputs import BackendName, MaskRuleName
from psccnet.cli.progress import progress, report_left_out, resumable
from psccnet.errors import InputError

if TYPE_CHECKING:
    from psccnet.datasets.entry import Entry
    from psccnet.evaluation.runs import Run

MAIN = ("pixel_auc", "f1_half", "f1_best", "image_auc", "tpr_5", "found", "false_alarms")
"""Scores to show for a protocol with one condition, without --all."""
SHORT = ("pixel_auc", "pixel_auc_pooled", "f1_eer", "image_auc", "image_f1_eer")
"""Scores to show for each condition if a protocol has several."""


def evaluate(
    listing: Path,
    /,
    *,
    weights: str = "default",
    comparator: str | None = None,
    dataset: str = "listing",
    mask_rule: MaskRuleName | None = None,
    split: str | None = None,
    sets: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = (),
    limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    protocol: str = "native",
    distort: str | None = None,
    out: Path | None = None,
    json_summary: Annotated[bool, Parameter(name="--json", negative=())] = False,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    exit_scale: Annotated[int, Parameter(validator=Number(gte=1, lte=4))] = 1,
    backend: BackendName = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> int:
    """Evaluate weights, or another method, on pictures with ground truth.

    Exit status 1 if some pictures could not be used; they are named and left out.

    Protocols: native (at the picture's own size), resized (256 x 256), pretrained, finetuned, exit-scales, robustness,
    and those of other projects: imdlbenco, cat-net and trufor; see docs/protocols.md.

    For example:

        psccnet evaluate validation/ --set casia1 --out runs/casia1

        psccnet evaluate validation/ --limit 100

        psccnet evaluate downloads/columbia/ --dataset columbia --protocol robustness

        psccnet evaluate validation/ --comparator centre

        psccnet evaluate validation/ --comparator my_methods:localize

    Args:
        listing: a CSV with the columns image, mask, manipulation (and set), or a folder with index.csv; with --dataset
            the folder of that data set.
        dataset: the data set, with a name from psccnet datasets list, or package.module:loader for one of your own.
        mask_rule: which pixels are forged in the masks of your own list or folder: white (brighter than half, the
            default), black (darker than half), nonzero (label maps) or green. Transparent pixels never are.
        split: keep only train or test of the split for fine-tuning (Table I).
        weights: a bundled name, a .safetensors file, or a folder in the released layout.
        comparator: evaluate this instead of weights: centre, noise, ela, ghosts, cfa, dq (classical methods),
            NAME=FOLDER with masks of another program, NAME="COMMAND {image} {mask}", mantranet=FILE, or
            package.module:function for a method of your own (see docs/comparators.md).
        sets: only rows of this set; may be given several times.
        limit: largest number of pictures, in proportion to each set and manipulation; always the same ones.
        protocol: which pictures are used and how they are processed.
        distort: degrade every picture first by a distortion of the robustness protocol (resize-0.78, jpeg-50, mixed,
            ...), or by social: as messengers and social networks do.
        out: where to write the scores of each picture: a folder, in which an interrupted run resumes, or a .csv or
            .parquet file.
        json_summary: print the summary as JSON with all scores, one object per condition.
        every: print all scores, not only the main ones.
        exit_scale: finest mask to compute, 1..4 (Table V's Mask 4 .. Mask 1).
        backend: runtime of the network; see psccnet detect --help.
        device: auto, cpu, cuda or mps.
        precision: auto, float32 or bf16.
    """
    from psccnet.datasets.choosing import stratified
    from psccnet.evaluation.comparators import find_comparator
    from psccnet.evaluation.distortions import DISTORTIONS
    from psccnet.evaluation.protocol import PROTOCOLS, Condition
    from psccnet.evaluation.rows import write_rows
    from psccnet.evaluation.runs import Run

    if protocol not in PROTOCOLS:
        raise InputError(f"--protocol: there is no {protocol!r}; known are {', '.join(PROTOCOLS)}")
    chosen, method = PROTOCOLS[protocol], find_comparator(comparator or weights, device, precision, backend)
    if exit_scale != 1:
        if protocol != "native" or not method.exit_scales:
            raise InputError(
                "--exit-scale needs weights and the protocol native; --protocol exit-scales has all scales"
            )
        chosen = replace(chosen, conditions=(Condition(f"mask-{exit_scale}", f"Mask {exit_scale}", "", exit_scale),))
    if distort is not None:
        if protocol != "native" or exit_scale != 1 or distort not in DISTORTIONS:
            names = ", ".join(DISTORTIONS)
            raise InputError(f"--distort needs the protocol native and mask 1, and is one of {names}")
        chosen = replace(chosen, conditions=(Condition(distort, DISTORTIONS[distort].title, distort),))
    full_name = f"{dataset}:{mask_rule}" if mask_rule else dataset
    entries, left_out = _entries(listing, full_name, split, chosen.split, sets)
    in_folder = out is not None and out.suffix not in (".csv", ".parquet")
    if limit is not None:
        entries, total = stratified(chosen.chosen(entries), limit) or entries, len(entries)
        print(f"psccnet: {len(entries)} of {total} pictures, because of --limit", file=sys.stderr)
    run = Run(entries, method, chosen, out if in_folder else None)
    with resumable() if in_folder else nullcontext():
        for _ in progress(run.go(), "pictures", len(run)):
            pass
    left_out += run.failures
    status = report_left_out(left_out)
    if not run.rows:
        raise InputError(f"{listing}: none of its {len(run.entries)} pictures could be used")
    _print(run, listing, json_summary, every)
    if out is not None and not in_folder:
        write_rows(run.rows, out)
    return status


def _entries(
    listing: Path, dataset: str, split: str | None, protocols_split: str | None, sets: tuple[str, ...]
) -> tuple[list["Entry"], list[str]]:
    """The pictures, with the protocol's split if the set has one; and as text, what the set's loader left out."""
    from psccnet.datasets.catalogue import data_set, find, has_split
    from psccnet.datasets.listing import read_listing

    chosen, rule = data_set(dataset)
    if chosen.name == "listing":
        if split is not None:
            raise InputError("--split needs --dataset, such as --dataset coverage --split test")
        return read_listing(listing, sets, rule or "white"), []
    if sets:
        raise InputError("--set chooses rows of a CSV; with --dataset the folder is one set")
    if split is None and has_split(dataset):
        split = protocols_split
    found = find(dataset, listing, split)
    if not found.entries:
        raise InputError(f"{listing}: no picture of {dataset} there; see psccnet datasets check {dataset} {listing}")
    return found.entries, [str(problem) for problem in found.faults]


def _print(run: "Run", listing: Path, json_summary: bool, every: bool) -> None:
    from psccnet.evaluation.summary import SCORES, summarize

    model = f"{run.comparator.name} {run.comparator.identity[:12]}".strip()
    for condition in run.conditions:
        rows = [row for row in run.rows if row.condition == condition.name]
        kinds = sorted({row.manipulation for row in rows if row.forged})
        summary = summarize(rows, run.comparator.threshold)
        if json_summary:
            clean = {name: None if math.isnan(value) else round(value, 6) for name, value in summary.items()}
            facts = {
                "model": model,
                "listing": str(listing),
                "protocol": run.protocol.name,
                "condition": condition.name,
            }
            print(json.dumps(facts | clean))
            continue
        forged, pictures = summary["forged"], summary["pictures"]
        done = f", {condition.title}" if len(run.conditions) > 1 else ""
        verdict = "" if math.isnan(summary["threshold"]) else f"; verdict at score >= {summary['threshold']:.3f}"
        print(f"{model}: {pictures} pictures, {forged} forged{done}{verdict}")
        main = run.protocol.scores or (SHORT if len(run.conditions) > 1 else MAIN)
        for name in SCORES if every else main:
            _print_score(summary, name, SCORES[name], kinds)
    if json_summary:
        return
    for note in run.protocol.notes:
        print(f"  {note}")
    if not every:
        print(f"  --all prints the other {len(SCORES) - len(main)} scores, --json all of them")


def _print_score(summary: dict[str, float], name: str, label: str, kinds: list[str]) -> None:
    value = summary[name]
    if math.isnan(value):
        print(f"  {label:<72} -")
        return
    low, high = summary[f"{name}_low"], summary[f"{name}_high"]
    interval = "" if math.isnan(low) else f"   95 % [{low:.3f}, {high:.3f}]"
    print(f"  {label:<72} {value:.3f}{interval}")
    if name == "pixel_auc" and kinds:
        by_kind = {kind: summary[f"pixel_auc_{kind}"] for kind in kinds}
        print(f"    {', '.join(f'{kind} {auc:.3f}' for kind, auc in by_kind.items() if not math.isnan(auc))}")
