"""`psccnet detect`: verdict, score and mask of pictures."""

import errno
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.inputs import BackendName, Input, find_inputs
from psccnet.cli.progress import progress
from psccnet.errors import InputError, WriteError
from psccnet.pictures.picture_files import passed_over

if TYPE_CHECKING:
    from psccnet.inference import Result
    from psccnet.inference.result_folder import Kind
    from psccnet.pictures.decoding import Admit, Decoded


def detect(
    # Or - would be taken for an option; misspelt options are refused below.
    *pictures: Annotated[
        str, Parameter(help="Files, folders, globs, or - for standard input.", allow_leading_hyphen=True)
    ],
    weights: str = "default",
    out: Path | None = None,
    write: str | None = None,
    json_lines: Annotated[bool, Parameter(name="--json", negative=())] = False,
    threshold: Annotated[float | None, Parameter(validator=Number(gte=0, lte=1))] = None,
    exit_scale: Literal[1, 2, 3, 4, "auto"] = 1,
    gate: Annotated[bool, Parameter(negative=())] = False,
    evidence: bool | None = None,
    backend: BackendName = "auto",
    device: str = "auto",
    precision: str = "auto",
    max_megapixels: Annotated[float, Parameter(validator=Number(gt=0, lte=100_000))] = 200,
) -> int:
    """Tell of each picture whether it was manipulated, and where.

    One line a picture: the verdict, "forged", "suspicious" or "nothing found", the score and the threshold that it is
    held against, how much of the picture a marked region takes, and which traces speak for a manipulation. "Nothing
    found" does not say that a picture is authentic. Exit status 1 if some pictures could not be read, 3 if results
    could not be written; the others are still done.

    For example:

        psccnet detect photo.jpg

        psccnet detect claims/ more/*.png --out results/

        curl -s https://example.org/photo.jpg | psccnet detect - --json

    Args:
        weights: a bundled name, a .safetensors file, a folder in the released layout, or one that psccnet weights
            quantize made.
        out: folder for drawings of each picture; those of different pictures never replace each other.
        write: which, with commas between: mask (in colours), overlay (on the picture), masks (of the four scales),
            mask16 (the mask's values in 16 bits, for programs); mask,overlay if left out.
        json_lines: print one JSON object a line instead of words.
        threshold: score at and above which a picture is called forged; the weights' own if left out.
        exit_scale: finest mask to compute; 4 is the fastest and coarsest, auto stops where the next hardly differs.
        gate: localize only pictures that are called forged.
        evidence: say what each other trace found in the picture and its file, and draw it into --out. Left out, the
            traces count for the verdict and are not printed; --no-evidence gives the network alone.
        backend: what computes; auto takes torch on a GPU where there is one, otherwise OpenVINO.
        device: auto, cpu, cuda or mps.
        precision: auto, float32, bf16, or int8 for weights that psccnet weights quantize made.
        max_megapixels: refuse larger pictures before decoding them.
    """
    for word in pictures:
        if word.startswith("-") and word != "-":
            raise InputError(f"there is no option {word}; see psccnet detect --help (a file of that name is ./{word})")
    others: Counter[str] = Counter()
    inputs = find_inputs(list(pictures), out, others)
    if not inputs:
        where = ", ".join(pictures) + (f"; passed over: {passed_over(others)}" if others else "")
        raise InputError(f"no picture in {where}" if pictures else "name a picture, or see psccnet detect --help")
    from psccnet.inference import PictureError, load_detector
    from psccnet.inference.detector import OF_ONE_PICTURE
    from psccnet.inference.pipeline import in_order
    from psccnet.inference.result_folder import ResultFolder
    from psccnet.pictures.decoding import decode

    kinds = _kinds(write, out)
    folder = ResultFolder(out) if out is not None else None
    detector = load_detector(weights, backend, device, precision, int(max_megapixels * 1e6))

    # Standard input is read here: a thread that waits for it could not be interrupted.
    piped = sys.stdin.buffer.read() if any(one.source == "-" for one in inputs) else b""

    def read(one: Input, admit: "Admit") -> tuple[Input, "Decoded"]:
        name, opened = ("stdin", piped) if one.source == "-" else (one.source, one.source)
        return one, decode(opened, detector.max_pixels, name, admit=admit)

    def look(one: tuple[Input, "Decoded"]) -> tuple[Input, "Decoded", "Result"]:
        source, decoded = one
        every = (1, 2, 3, 4)
        result = detector.detect(
            decoded,
            masks=every,
            exit_scale=exit_scale,
            gate=gate,
            threshold=threshold,
            evidence=evidence is not False,
        )
        return source, decoded, result

    def keep(one: tuple[Input, "Decoded", "Result"]) -> tuple["Result", list[Path], WriteError | None]:
        (_, output), decoded, result = one
        try:
            files = folder.write(result, decoded.pixels, output, kinds, bool(evidence)) if folder else []
            return result, files, None
        except WriteError as error:
            if error.errno != errno.ENAMETOOLONG:
                return result, [], error
            raise PictureError(f"{decoded.name}: its name is too long for the results' names; shorten it.") from error

    failed = unwritten = 0
    done = in_order(inputs, read, look, keep, OF_ONE_PICTURE)
    for _, outcome in progress(done, "pictures", len(inputs), lines=True):
        if isinstance(outcome, Exception):
            failed += 1
            print(f"psccnet: {outcome}", file=sys.stderr)
        else:
            result, files, unwritable = outcome
            _print(result, json_lines, files)
            if evidence and not json_lines:
                _print_findings(result)
            if unwritable is not None:
                unwritten += 1
                print(f"psccnet: {result.name}: its results are lost: {unwritable}", file=sys.stderr)
    if others:
        print(f"psccnet: passed over: {passed_over(others)}", file=sys.stderr)
    if failed:
        print(f"psccnet: {failed} of {len(inputs)} inputs failed, named above.", file=sys.stderr)
    if unwritten:
        print(f"psccnet: the results of {unwritten} of {len(inputs)} inputs were not written.", file=sys.stderr)
        return 3
    return 1 if failed else 0


def _print(result: "Result", json_lines: bool, written: list[Path]) -> None:
    if json_lines:
        print(json.dumps(result.to_dict() | {"files": [str(path) for path in written]}), flush=True)
        return
    place = f"  {result.place}" if result.place else ""
    notes = f"  ({'; '.join(result.notes)})" if result.notes else ""
    verdict = f"{result.words:<13}  score {result.score:.3f}, threshold {result.threshold:.3f}"
    traces = [name for name in result.judgement.reasons if name != "network"] if result.judgement else []
    by = f"  by {' and '.join(traces)}" if traces else ""
    print(f"{verdict}{place:<27}{by}  {result.name}{notes}", flush=True)


def _print_findings(result: "Result") -> None:
    """A line a trace."""
    for finding in result.findings:
        speaks = " (speaks for a manipulation)" if finding.significant else ""
        print(f"    {finding.name}{speaks}: {finding.sentence}", flush=True)


def _kinds(words: str | None, out: Path | None) -> tuple["Kind", ...]:
    from psccnet.inference.result_folder import KINDS, USUAL

    if words is None:
        return USUAL
    if out is None:
        raise InputError("--write needs a folder to write to: add --out FOLDER")
    wanted = {word.strip() for word in words.split(",")}
    if not wanted <= set(KINDS):
        raise InputError(f"--write takes {', '.join(KINDS)}, with commas between, not {words!r}")
    return tuple(kind for kind in KINDS if kind in wanted)
