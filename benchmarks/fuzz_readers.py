"""Give damaged files to everything that reads files, and count the results.

    python benchmarks/fuzz_readers.py --count 10000

Each input is a file that was truncated, shuffled, overwritten, extended, emptied, or replaced by a file of another
kind, all drawn from one seed. A reader must read it, or refuse it with one of psccnet's errors, within ten seconds and
without a memory leak. Prints a row per reader; exit status 1 if anything else happened.
"""

import argparse
import csv
import faulthandler
import io
import json
import logging
import resource
import sys
import tarfile
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from safetensors.torch import save as safetensors_of

from psccnet.datasets.archives import StoredFile, list_files
from psccnet.datasets.catalogue import find
from psccnet.datasets.check import check_files
from psccnet.datasets.entry import Entry
from psccnet.datasets.listing import read_listing
from psccnet.datasets.photographs import Photographs
from psccnet.errors import PsccnetError
from psccnet.evaluation.comparators.trivial import TRIVIAL
from psccnet.evaluation.comparators.written import read_scores
from psccnet.evaluation.protocol import NATIVE, score_picture
from psccnet.evaluation.rows import read_rows, rows_to_parquet
from psccnet.network.architecture import Architecture
from psccnet.pictures.cameras import camera_of_exif
from psccnet.pictures.decoding import decode, read_header
from psccnet.pictures.identify import encoding_of
from psccnet.pictures.masks import read_grey, read_mask
from psccnet.synthesis.objects import Objects
from psccnet.synthesis.synthesis_recipe import read_synthesis
from psccnet.synthesis.writing import Written, _manifest, read_manifest
from psccnet.training.curves import read_curves
from psccnet.training.initial_weights import read_checkpoint
from psccnet.training.recipe import read_recipe
from psccnet.weights.card import Card, card_path, read_card, sha256
from psccnet.weights.reading import read as read_weights
from psccnet.weights.states import read_state

SECONDS = 10.0
"""A reader that takes longer counts as hanging."""
_SIDE = 40


@dataclass
class Reader:
    """A reader of one kind of file.

    Attributes:
        name: of the kind.
        file: how the file is called.
        samples: whole files.
        read: gets the path of the file; what it raises is judged.
    """

    name: str
    file: str
    samples: list[bytes]
    read: Callable[[Path], object]


@dataclass
class Outcome:
    """The results: how many inputs were read and refused, by kind, and what should not have happened."""

    read: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    grown: float = 0.0


def picture_files() -> list[bytes]:
    """Small pictures in every format that is read, with metadata, previews, transparency and frames."""
    rng = np.random.default_rng(0)
    pixels = np.asarray(Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8)).resize((_SIDE, _SIDE)))
    picture = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    made: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (picture, "JPEG", {"exif": exif}),
        (picture, "JPEG", {"progressive": True}),
        (picture, "JPEG", {"restart_marker_rows": 1}),
        (picture.convert("CMYK"), "JPEG", {}),
        (picture, "PNG", {"exif": exif}),
        (deep, "PNG", {"transparency": 257}),
        (picture.quantize(8), "PNG", {"transparency": 3}),
        (picture, "TIFF", {}),
        (picture, "TIFF", {"compression": "tiff_adobe_deflate"}),
        (picture, "TIFF", {"compression": "tiff_lzw", "save_all": True, "append_images": [picture]}),
        (picture, "TIFF", {"compression": "jpeg"}),
        (deep, "TIFF", {}),
        (picture, "BMP", {}),
        (picture, "GIF", {"save_all": True, "append_images": [picture.rotate(90)]}),
        (picture, "WEBP", {"exif": exif}),
        (picture, "WEBP", {"lossless": True}),
        (picture, "JPEG2000", {}),
        (picture, "AVIF", {}),
        (picture, "PPM", {}),
        (picture.convert("RGBA"), "TGA", {"compression": "tga_rle"}),
    ]
    files = []
    for image, form, options in made:
        stream = io.BytesIO()
        image.save(stream, form, **options)
        files.append(stream.getvalue())
    return files


def mask_files() -> list[bytes]:
    """Masks of the same size: grey, transparent, of 16 bits, of floats."""
    truth = np.zeros((_SIDE, _SIDE), np.uint8)
    truth[5:20, 8:30] = 255
    files = []
    for image, form in (
        (Image.fromarray(truth), "PNG"),
        (Image.fromarray(np.dstack([truth, truth])), "PNG"),
        (Image.fromarray(truth.astype(np.uint16) * 257), "PNG"),
        (Image.fromarray(truth), "TIFF"),
        (Image.fromarray((truth / 255).astype(np.float32)), "TIFF"),
        (Image.fromarray(truth), "BMP"),
    ):
        stream = io.BytesIO()
        image.save(stream, form)
        files.append(stream.getvalue())
    return files


def _rows(header: str, *rows: str, separator: str = ",") -> bytes:
    return "\n".join([header, *rows]).replace(",", separator).encode()


def _torch_file(contents: object) -> bytes:
    stream = io.BytesIO()
    torch.save(contents, stream)
    return stream.getvalue()


def readers(folder: Path) -> list[Reader]:
    """All readers, with intact files to damage; `folder` holds the pictures that lists name."""
    pictures, masks = picture_files(), mask_files()
    (folder / "photographs").mkdir(parents=True)
    (folder / "photographs" / "a.jpg").write_bytes(pictures[0])
    (folder / "mani" / "Au").mkdir(parents=True)
    (folder / "m.png").write_bytes(masks[0])
    pool = Photographs.open(folder / "photographs")

    def picture(path: Path) -> None:
        camera_of_exif(path.read_bytes())
        encoding_of(path)
        with suppress(PsccnetError):
            read_header(path)
        decode(path, max_pixels=1_000_000)

    def mask(path: Path) -> None:
        with suppress(PsccnetError):
            read_grey(path)
        read_mask(path, _SIDE, _SIDE, orientation=6)

    def photograph(path: Path) -> None:
        Photographs({"a.jpg": StoredFile(str(path))}).read(0)

    def objects(path: Path) -> None:
        Objects.open(path, pool).draw(np.random.default_rng(0))

    def listed(path: Path) -> None:
        found = find("json", path)
        list(check_files(found.entries))

    def listing(path: Path) -> None:
        list(check_files(read_listing(path)))

    def archive(path: Path) -> None:
        for name, file in list(list_files(path)):
            Photographs({name: file}).camera(0)

    def weights(path: Path) -> None:
        # The card has the checksum of the damaged file, so that not only the checksum is tested.
        card = Card(name="fuzz", architecture=Architecture(), sha256=sha256(path))
        card_path(path).write_text(card.model_dump_json())
        read_weights(path, "np")
        read_state(path)

    # Only the card in the folder is damaged.
    def card(path: Path) -> None:
        read_card(path.with_suffix(".safetensors"))

    def curves(path: Path) -> None:
        read_curves(path.parent)

    polygon = {"id": 1, "image_id": 1, "segmentation": [[2, 2, 38, 2, 38, 38, 2, 38]], "bbox": [2, 2, 36, 36]}
    runs = {"id": 2, "image_id": 1, "segmentation": {"size": [_SIDE, _SIDE], "counts": [400, 800, 400]}}
    image = {"id": 1, "file_name": "a.jpg", "width": _SIDE, "height": _SIDE}
    coco = json.dumps({"images": [image], "annotations": [polygon, runs]}).encode()
    state = {"a.weight": torch.arange(60.0).reshape(3, 20), "a.bias": torch.zeros(3)}
    metadata = {"architecture": json.dumps(Architecture().__dict__)}
    recipe = {"name": "fuzz", "epochs": 2, "data": {"size": 64, "photographs": "p"}, "phases": [{"epochs": 1}]}
    row = Written(0, "a", "pristine", "", "a.jpg", "images/a.jpg", "", "", 0.0, 90, "0" * 64)
    listing_rows = ["photographs/a.jpg,m.png,splicing", "b.jpg,,pristine"]
    recipes = Path(__file__).resolve().parents[1] / "recipes"
    entry = Entry("a", folder / "photographs" / "a.jpg", None, "pristine")
    scores = rows_to_parquet(score_picture(entry, TRIVIAL["centre"], (NATIVE,)))
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as written:
        written.add(folder / "photographs" / "a.jpg", "a.jpg")
    return [
        Reader("picture", "a.jpg", pictures, picture),
        Reader("mask", "mask.png", masks, mask),
        Reader("photograph", "photo.jpg", pictures, photograph),
        Reader("CSV list", "index.csv", [
            _rows("image,mask,manipulation", *listing_rows),
            _rows("Image,Mask,Manipulation,mask_rule", *(f"{one},black" for one in listing_rows), separator=";"),
            _rows("image,mask,manipulation", *listing_rows).decode().encode("utf-16"),
        ], listing),
        Reader("CSV of scores", "scores.csv", [_rows("image,score", "a.jpg,0.5", "b.jpg,1")], read_scores),
        Reader("JSON list", "list.json", [
            json.dumps([["photographs/a.jpg", "m.png"], ["photographs/a.jpg", "Negative"]]).encode(),
            json.dumps([{"image": "photographs/a.jpg", "mask": "m.png"}, ["ManiDataset", "mani"]]).encode(),
        ], listed),
        Reader("COCO", "instances.json", [coco], objects),
        Reader("tar", "a.tar", [tar.getvalue()], archive),
        Reader("training recipe", "recipe.yaml", [
            yaml.safe_dump(recipe).encode(), *(one.read_bytes() for one in sorted(recipes.glob("*.yaml"))[:3])
        ], read_recipe),
        Reader("synthesis recipe", "synthesis.yaml", [
            yaml.safe_dump({"size": 64, "seed": 1, "count": 5}).encode(),
            yaml.safe_dump({"recipe": {"size": 64}, "photographs": {"count": 3}}).encode(),
        ], lambda path: read_synthesis(path, {})),
        Reader("safetensors", "w.safetensors", [safetensors_of(state, metadata)], weights),
        Reader("card", "c.json", [
            Card(name="fuzz", architecture=Architecture(), scores={"a": {"b": 0.5}}).model_dump_json().encode()
        ], card),
        Reader("state of .pth", "w.pth", [_torch_file(state), _torch_file({"state_dict": state})], read_state),
        Reader("checkpoint", "last.ckpt", [_torch_file({"state_dict": state, "global_step": 3})], read_checkpoint),
        Reader("manifest of a set", "manifest.parquet", [_manifest([row], {"seed": 1})], read_manifest),
        Reader("rows of a run", "scores.parquet", [scores], read_rows),
        Reader("curves", "curves.jsonl", [b'{"step": 1, "val/score": 0.5}\n{"step": 2}\n'], curves),
    ]  # fmt: skip


def damaged(sample: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """A damaged copy of a file."""
    size = len(sample)
    at, length = int(rng.integers(size + 1)), int(rng.integers(1, 64))
    match int(rng.integers(9)):
        case 0:
            return sample[:at]
        case 1:
            return sample[at:]
        case 2:
            return sample[:at] + sample[at + length :]
        case 3:
            return sample[:at] + rng.bytes(length) + sample[at + length :]
        case 4:
            return sample[:at] + bytes(length) + sample[at + length :]
        case 5:  # shuffled pieces
            cuts = sorted({0, size, *(int(cut) for cut in rng.integers(size + 1, size=4))})
            pieces = [sample[a:b] for a, b in pairwise(cuts)]
            return b"".join(pieces[i] for i in rng.permutation(len(pieces)))
        case 6:
            return sample[:at] + sample[max(0, at - length) : at] * int(rng.integers(2, 40)) + sample[at:]
        case 7:
            changed = bytearray(sample)
            for _ in range(int(rng.integers(1, 6))):
                changed[int(rng.integers(size))] = int(rng.choice([0, 1, 127, 255, ord("9"), ord("["), ord('"'), 45]))
            return bytes(changed)
        case _:  # swapped
            return others[int(rng.integers(len(others)))]


def whole_files(all_readers: list[Reader], folder: Path) -> Iterator[tuple[str, int, PsccnetError]]:
    """Intact files that are refused, which should be none: reader, number and reason."""
    for reader in all_readers:
        for number, sample in enumerate(reader.samples):
            path = folder / reader.file
            path.write_bytes(sample)
            try:
                reader.read(path)
            except PsccnetError as error:
                yield reader.name, number, error


def inputs(all_readers: list[Reader], count: int, seed: int) -> Iterator[tuple[Reader, bytes]]:
    """`count` damaged files of alternating kinds; input i depends only on the seed and i."""
    every = [sample for reader in all_readers for sample in reader.samples]
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        reader = all_readers[number % len(all_readers)]
        yield reader, damaged(reader.samples[int(rng.integers(len(reader.samples)))], every, rng)


def run(folder: Path, count: int, seed: int = 0) -> Outcome:
    """Read `count` damaged files in `folder`, which must be empty."""
    csv.field_size_limit(131072)
    logging.getLogger("psccnet").setLevel(logging.ERROR)
    outcome = Outcome()
    all_readers = readers(folder)
    for name, number, error in whole_files(all_readers, folder):
        outcome.faults.append(f"whole file {number}, {name}: {error}")
    memory = _resident()
    for number, (reader, content) in enumerate(inputs(all_readers, count, seed)):
        path = folder / reader.file
        path.write_bytes(content)
        started = time.perf_counter()
        faulthandler.dump_traceback_later(6 * SECONDS, exit=True)  # for readers that never return
        try:
            reader.read(path)
            outcome.read[reader.name] += 1
        except PsccnetError as error:
            outcome.refused[reader.name] += 1
            if "\n" in str(error) or not str(error):
                outcome.faults.append(f"input {number}, {reader.name}: not one sentence: {error}")
        except Exception:
            outcome.faults.append(f"input {number}, {reader.name}: {traceback.format_exc(limit=-4)}")
        finally:
            faulthandler.cancel_dump_traceback_later()
        seconds = time.perf_counter() - started
        outcome.slowest[reader.name] = max(seconds, outcome.slowest.get(reader.name, 0.0))
        if seconds > SECONDS:
            outcome.faults.append(f"input {number}, {reader.name}: took {seconds:.0f} s")
        if number == count // 2:
            memory = _resident()  # after all libraries are loaded
    outcome.grown = _resident() - memory
    return outcome


def _resident() -> float:
    """Memory of this process, in MB."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder) / "fuzz", arguments.count, arguments.seed)
    print("| kind of file | inputs | read | refused | slowest, s |\n|---|---|---|---|---|")
    for name, slowest in outcome.slowest.items():
        read, refused = outcome.read[name], outcome.refused[name]
        print(f"| {name} | {read + refused:,} | {read:,} | {refused:,} | {slowest:.2f} |")
    print(f"\nmemory in the second half: {outcome.grown:+.0f} MB; faults: {len(outcome.faults)}")
    for fault in outcome.faults:
        print(fault, file=sys.stderr)
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
