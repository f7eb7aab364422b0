"""`psccnet synthesize`: forged pictures with masks from photographs."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.progress import progress


def synthesize(
    photographs: Path,
    /,
    *,
    out: Path,
    count: Annotated[int, Parameter(validator=Number(gte=1))] = 400,
    size: Annotated[int, Parameter(validator=Number(gte=32))] = 256,
    objects: Path | None = None,
    split: str | None = None,
    seed: int = 0,
) -> None:
    """Make pristine, spliced, copy-moved and inpainted pictures, equally many, with masks and an index.csv.

    The same photographs, objects, size and seed give the same pictures.

    For example:

        psccnet synthesize photographs/ --out synthetic/ --count 400

    Args:
        photographs: a folder of pictures, a tar, or a folder of tars with an index.csv.
        out: folder for images/, masks/ and index.csv, in the layout that `psccnet evaluate` reads.
        count: how many pictures.
        size: their side in pixels.
        objects: cut-outs: a tar or folder with COCO polygons, label maps and pictures with alpha.
        split: use only photographs of this split of the index.csv.
        seed: of everything that is drawn.
    """
    from psccnet.synthesis import Objects, Photographs, SynthesisRecipe, Synthesizer
    from psccnet.synthesis.writing import write_set

    pool = Photographs.open(photographs, split=split)
    material = Objects.open(objects, pool) if objects else None
    synthesizer = Synthesizer(pool, material, SynthesisRecipe(size=size), seed)
    try:
        for _ in progress(write_set(synthesizer, count, out), "pictures", count):
            pass
    except RuntimeError as error:
        raise ValueError(f"{photographs}: {error}; add photographs with more in them") from error
    print(out / "index.csv")
