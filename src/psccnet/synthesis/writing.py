"""A synthetic set as files: images/, masks/ and an index.csv."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from psccnet.datasets.sample import Sample
from psccnet.files import write_whole
from psccnet.synthesis.encoding import Encoding, encode
from psccnet.synthesis.synthesizer import Synthesizer


def write_set(synthesizer: Synthesizer, count: int, folder: Path) -> Iterator[Sample]:
    """Write samples 0..count-1; the index.csv comes last, so a folder that has one is whole.

    Args:
        synthesizer: of the samples.
        count: how many.
        folder: made if missing.

    Yields:
        Each sample after its files are written.

    Raises:
        OSError: if a file cannot be written.
    """
    for below in ("images", "masks"):
        (folder / below).mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["set", "image", "mask", "manipulation", "source"])
    for index in range(count):
        data, encoding, sample = synthesizer.encoded(index)
        image = f"images/{sample.id}{encoding.suffix}"
        mask = f"masks/{sample.id}.png" if sample.forged else ""
        write_whole({folder / image: data})
        if mask and sample.mask is not None:
            grey = np.repeat(sample.mask[..., None].astype(np.uint8) * 255, 3, axis=2)
            write_whole({folder / mask: encode(grey, Encoding(None))})
        writer.writerow(["synthetic", image, mask, sample.manipulation, sample.source])
        yield sample
    write_whole({folder / "index.csv": text.getvalue().encode()})
