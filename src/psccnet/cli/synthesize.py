"""`psccnet synthesize`: forged pictures with masks from photographs."""

import os
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.progress import progress, resumable
from psccnet.errors import PsccnetError


def synthesize(
    photographs: Path,
    /,
    *,
    out: Path,
    count: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    size: Annotated[int | None, Parameter(validator=Number(gte=32))] = None,
    objects: Path | None = None,
    split: str | None = None,
    seed: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    recipe: Path | None = None,
    layout: Literal["folder", "shards"] | None = None,
    preview: bool = False,
    workers: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
) -> None:
    """Make pristine, spliced, copy-moved and inpainted pictures, equally many, with masks and a manifest.

    The same photographs, objects, recipe and seed give the same files, with any number of workers. A run that was
    interrupted goes on where it was when the same command is given again.

    For example:

        psccnet synthesize photographs/ --out synthetic/ --count 400 --preview

        psccnet synthesize coco/train2017/ --objects coco/annotations/instances_train2017.json --out synthetic/

        psccnet synthesize photographs/ --recipe synthetic/synthesis.yaml --out again/

    Args:
        photographs: a folder of pictures, a tar, or a folder of tars with an index.csv.
        out: folder for the pictures, masks, synthesis.yaml (what the set is made by) and manifest.parquet.
        count: how many pictures; 400 if neither this nor the recipe says otherwise.
        size: their side in pixels; 256 if neither this nor the recipe says otherwise.
        objects: cut-outs: a COCO annotation file, or a tar or folder with annotations, label maps and pictures with
            alpha.
        split: use only photographs of this split of the index.csv; that of the recipe's set if left out.
        seed: of everything that is drawn; 0 if neither this nor the recipe says otherwise.
        recipe: a YAML file with fields of the synthesis to change, or the synthesis.yaml of a set to rebuild.
        layout: a folder that `psccnet evaluate` reads (where neither this nor the recipe says otherwise), or
            WebDataset shards of 500 samples.
        preview: also write preview.png, a sheet of pictures and masks to look at.
        workers: processes; as many as there are cores if left out.
    """
    from psccnet.pictures.whole_files import write_whole
    from psccnet.synthesis import Objects, Photographs, Synthesizer
    from psccnet.synthesis.preview import contact_sheet
    from psccnet.synthesis.synthesis_recipe import read_synthesis
    from psccnet.synthesis.writing import is_of, write_set

    chosen = read_synthesis(recipe, {} if size is None else {"size": size})
    count = count or chosen.count
    pool = Photographs.open(photographs, split=split or chosen.photographs.get("split"))
    material = Objects.open(objects, pool) if objects else None
    synthesizer = Synthesizer(pool, material, chosen.recipe, chosen.seed if seed is None else seed)
    if chosen.photographs and not is_of(chosen, synthesizer):
        print("psccnet: other photographs or objects than the recipe's set had: another set is made", file=sys.stderr)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # A process takes a second to start: a few pictures are sooner made here.
    processes = workers if workers is not None else cores if count >= 100 * cores > 100 else 0
    samples = write_set(synthesizer, count, out, layout or chosen.layout, processes)
    try:
        with resumable():
            for _ in progress(samples, "pictures", count):
                pass
    except BrokenProcessPool as error:
        raise PsccnetError(
            "a process was ended, as for want of memory; try fewer --workers, the run goes on"
        ) from error
    if synthesizer.left_out:
        print(f"{len(synthesizer.left_out)} files or annotations could not be used and were left out:", file=sys.stderr)
        for name, reason in sorted(synthesizer.left_out.items()):
            print(f"  {name}: {reason}", file=sys.stderr)
    if preview:
        write_whole({out / "preview.png": contact_sheet(synthesizer, count)})
        print(out / "preview.png")
    print(out / "manifest.parquet")
