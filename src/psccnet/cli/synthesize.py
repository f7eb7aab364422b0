"""`psccnet synthesize`: make forged pictures with masks from photographs."""

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
    """Make equal numbers of pristine, spliced, copy-moved and inpainted pictures, with masks and a manifest.

    The same photographs, objects, recipe and seed give the same files, with any number of workers. An interrupted run
    resumes when the same command is run again.

    For example:

        psccnet synthesize photographs/ --out synthetic/ --count 400 --preview

        psccnet synthesize coco/train2017/ --objects coco/annotations/instances_train2017.json --out synthetic/

        psccnet synthesize photographs/ --recipe synthetic/synthesis.yaml --out again/

    Args:
        photographs: a folder of pictures, a tar, or a folder of tars with an index.csv.
        out: folder for the pictures, masks, synthesis.yaml (the recipe of the set) and manifest.parquet.
        count: number of pictures; by default that of the recipe, or 400.
        size: side of the pictures in pixels; by default that of the recipe, or 256.
        objects: objects to paste: a COCO annotation file, or a tar or folder with annotations, label maps and pictures
            with alpha.
        split: use only photographs of this split of the index.csv; by default that of the recipe's set.
        seed: of everything that is drawn; by default that of the recipe, or 0.
        recipe: a YAML file with fields of the synthesis to change, or the synthesis.yaml of a set to make again.
        layout: folder, which psccnet evaluate reads, or shards, WebDataset shards of 500 samples; by default that of
            the recipe, or folder.
        preview: also write preview.png, a sheet of pictures and masks.
        workers: number of processes; by default the number of cores.
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
        print(
            "psccnet: the photographs or objects are not those of the recipe's set: the set will differ",
            file=sys.stderr,
        )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # A process takes a second to start, so that a few pictures are made faster in this one.
    processes = workers if workers is not None else cores if count >= 100 * cores > 100 else 0
    samples = write_set(synthesizer, count, out, layout or chosen.layout, processes)
    try:
        with resumable():
            for _ in progress(samples, "pictures", count):
                pass
    except BrokenProcessPool as error:
        raise PsccnetError(
            "the system ended a process, usually for lack of memory; restart with fewer --workers; the run resumes"
        ) from error
    if synthesizer.left_out:
        print(f"{len(synthesizer.left_out)} files or annotations could not be used and were left out:", file=sys.stderr)
        for name, reason in sorted(synthesizer.left_out.items()):
            print(f"  {name}: {reason}", file=sys.stderr)
    if preview:
        write_whole({out / "preview.png": contact_sheet(synthesizer, count)})
        print(out / "preview.png")
    print(out / "manifest.parquet")
