"""`psccnet report`: write verdict, drawings and their explanation into one file for people."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.inputs import BackendName, Finder, Input
from psccnet.cli.progress import progress, report_left_out
from psccnet.errors import InputError
from psccnet.pictures.picture_files import passed_over
from psccnet.pictures.whole_files import make_folder, write_whole

if TYPE_CHECKING:
    from psccnet.inference import Detector
    from psccnet.report.section import Section

ENDINGS = (".html", ".pdf")


def report(
    *pictures: Annotated[str, Parameter(help="Files, folders, globs, or - for standard input.")],
    out: Annotated[Path, Parameter(name=("--out", "-o"))],
    weights: str = "default",
    threshold: Annotated[float | None, Parameter(validator=Number(gte=0, lte=1))] = None,
    exit_scale: Literal[1, 2, 3, 4, "auto"] = 1,
    evidence: bool = True,
    backend: BackendName = "auto",
    device: str = "auto",
    precision: str = "auto",
    max_megapixels: Annotated[float, Parameter(validator=Number(gt=0, lte=100_000))] = 200,
) -> int:
    """Write a report on pictures as one HTML or PDF file: verdict, drawings, facts about the files, and limits.

    Exit status 1 if some pictures could not be read; the report names them and has the others.

    For example:

        psccnet report photo.jpg -o photo.pdf

        psccnet report claims/ -o claims.html

    Args:
        out: the file, ending in .html or .pdf; an existing file is replaced.
        weights: a bundled name, a .safetensors file, a folder in the released layout, or one made by psccnet weights
            quantize.
        threshold: score at and above which a picture is called forged; by default that of the weights.
        exit_scale: finest mask to compute; 4 is the fastest and coarsest, auto stops when masks hardly change.
        evidence: also look for other traces in the picture and its file; --no-evidence uses the network alone.
        backend: runtime; auto takes torch if there is an NVIDIA GPU, otherwise OpenVINO.
        device: auto, cpu, cuda or mps.
        precision: auto, float32, bf16, or int8 for weights made by psccnet weights quantize.
        max_megapixels: refuse larger pictures before decoding them.
    """
    if out.suffix.lower() not in ENDINGS:
        raise InputError(f"{out}: the name of a report must end in {' or '.join(ENDINGS)}")
    failures: list[str] = []
    # Drawings of an earlier run do not count as pictures, in any folder.
    finder = Finder(Path(Path.cwd().anchor), failures.append)
    inputs = list(finder.find(pictures))
    if not inputs:
        where = ", ".join(pictures) + (f"; skipped: {passed_over(finder.others)}" if finder.others else "")
        raise InputError(f"no picture in {where}" if pictures else "give a picture, or see psccnet report --help")
    make_folder(out.parent)
    from psccnet.inference import load_detector
    from psccnet.report.document import html, pdf, require

    require(out.suffix.lower() == ".pdf")
    detector = load_detector(weights, backend, device, precision, int(max_megapixels * 1e6))
    sections = list(_sections(detector, inputs, threshold, exit_scale, evidence, failures))
    if not sections:
        for failure in failures:
            print(f"psccnet: {failure}", file=sys.stderr)
        raise InputError(f"{out}: not written, since none of the pictures could be examined")
    parameters = {
        "backend": f"{detector.engine.backend.name}, {detector.engine.backend.precision}",
        "finest mask": str(exit_scale),
        "other traces": "looked for" if evidence else "not looked for",
        "threshold": "that of the weights" if threshold is None else f"{threshold:g}, from the command line",
    }
    page = html(sections, detector.card, parameters, failures)
    write_whole({out: pdf(page) if out.suffix.lower() == ".pdf" else page.encode()})
    for section in sections:
        print(f"{section.result.words:<13}  score {section.result.score:.3f}  {section.result.name}")
    print(out)
    return report_left_out(failures)


def _sections(
    detector: "Detector",
    inputs: list[Input],
    threshold: float | None,
    exit_scale: Literal[1, 2, 3, 4, "auto"],
    evidence: bool,
    failures: list[str],
) -> "Iterator[Section]":
    from psccnet.inference.detector import OF_ONE_PICTURE
    from psccnet.pictures.decoding import decode
    from psccnet.report.section import section_of

    for source, _ in progress(inputs, "pictures"):
        name = "stdin" if source == "-" else source
        try:
            data = sys.stdin.buffer.read() if source == "-" else read_picture_file(source)
            decoded = decode(data, detector.max_pixels, name)
            result = detector.detect(
                decoded, masks=(1, 2, 3, 4), exit_scale=exit_scale, threshold=threshold, evidence=evidence
            )
            yield section_of(result, decoded.pixels, data, detector.card)
        except OF_ONE_PICTURE as error:
            failures.append(str(error))


def read_picture_file(source: str) -> bytes:
    """Read the bytes of a file; the report also lists facts about them.

    Raises:
        MissingFileError: if there is no such file.
        PictureError: if it cannot be read.
    """
    from psccnet.pictures.decoding import named_file

    with named_file(Path(source), source) as stream:
        return stream.read()
