"""Describe a picture's file in words: format, programs, dates, preview, Content Credentials."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from psccnet.errors import PictureError
from psccnet.evidence.file.metadata import Metadata, contradictions, read_metadata
from psccnet.evidence.file.provenance import WORDS, provenance
from psccnet.evidence.file.structure import Jpeg, bytes_after, preview_differs, read_jpeg
from psccnet.evidence.finding import Finding
from psccnet.pictures.opening import opened

NAME = "file"
HOW_TO_READ = (
    "Says how the file was written and by which program, as far as the file tells. Most social networks and messengers"
    " rewrite files and drop this. An editor's name does not mean forgery, and a clean file proves nothing."
)
SOURCE = "ITU-T T.81 (JPEG), Exif 3.0, XMP, C2PA; Kee, Johnson and Farid, Digital image authentication, IEEE TIFS 2011"
_MANY_BYTES = 16


def file_trace(data: bytes, pixels: NDArray[np.uint8], orientation: int = 1) -> Finding | None:
    """Describe what a picture's file says about itself.

    Args:
        data: the file's bytes.
        pixels: (H, W, 3) uint8, RGB, upright.
        orientation: EXIF orientation of the file, 1..8.

    Returns:
        A finding that informs and has no rate of false alarms, since how often untouched files look the same depends on
        where they come from. None if the file cannot be read.
    """
    try:
        with opened(io.BytesIO(data), "file") as (picture, _):
            sentences = _sentences(picture, data, pixels, orientation)
    except PictureError:
        return None
    return Finding(NAME, " ".join(sentences), HOW_TO_READ, source=SOURCE)


def _sentences(picture: Image.Image, data: bytes, pixels: NDArray[np.uint8], orientation: int) -> list[str]:
    metadata, jpeg = read_metadata(picture), read_jpeg(picture)
    sentences = [_of_structure(picture, jpeg)]
    sentences += _of_metadata(metadata, () if jpeg is None else jpeg.marks)
    if preview_differs(picture, pixels, orientation):
        sentences.append(
            "The small preview in the file shows something else than the picture: it was cropped or changed."
        )
    after = bytes_after(data) if picture.format == "JPEG" else 0
    if after >= _MANY_BYTES:
        sentences.append(f"{after:,} bytes follow the end of the picture.")
    credentials = WORDS[provenance(data, Image.MIME.get(picture.format or "", ""))]
    return [*sentences, credentials] if credentials else sentences


def _of_structure(picture: Image.Image, jpeg: Jpeg | None) -> str:
    if jpeg is None:
        return f"A {picture.format} file."
    own = f"tables of its own, as cameras and some editors use, about quality {jpeg.quality}"
    tables = f"standard tables at quality {jpeg.quality}" if jpeg.standard else own
    kind = "progressive JPEG" if jpeg.progressive else "JPEG"
    return f"A {kind} with {tables}, colours {jpeg.sampling}."


def _of_metadata(metadata: Metadata, marks: tuple[str, ...]) -> list[str]:
    sentences = []
    editors = list(dict.fromkeys([*metadata.editors, *marks]))
    others = [program for program in metadata.programs if program not in metadata.editors]
    if metadata.generated:
        sentences.append("The file itself says that a generator made or changed the picture.")
    if editors:
        sentences.append(f"An editor has written it: {', '.join(editors)}.")
    elif others:
        sentences.append(f"Written by {', '.join(others)}.")
    wrong = contradictions(metadata)
    if wrong:
        sentences.append(f"Its dates contradict each other: {' and '.join(wrong)}.")
    elif metadata.taken and metadata.changed and metadata.changed > metadata.taken:
        sentences.append(
            f"Taken on {metadata.taken:%Y-%m-%d %H:%M} and written again on {metadata.changed:%Y-%m-%d %H:%M}."
        )
    if metadata.place:
        sentences.append("It contains the place where it was taken.")
    if not (metadata.camera or metadata.taken or metadata.programs or marks):
        sentences.append("It names no camera, date or program.")
    return sentences
