"""`psccnet detect`: verdict, score and mask of pictures."""

import errno
import json
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.inputs import BackendName, Finder, Input, check_lists
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
    from_: Annotated[tuple[Path, ...], Parameter(name="--from", negative=(), allow_leading_hyphen=True)] = (),
    weights: str = "default",
    out: Path | None = None,
    write: str | None = None,
    json_lines: Annotated[bool, Parameter(name="--json", negative=())] = False,
    threshold: Annotated[float | None, Parameter(validator=Number(gte=0, lte=1))] = None,
    exit_scale: Literal[1, 2, 3, 4, "auto"] = 1,
    gate: Annotated[bool, Parameter(negative=())] = False,
    evidence: bool | None = None,
    confidence: Annotated[bool, Parameter(negative=())] = False,
    backend: BackendName = "auto",
    device: str = "auto",
    precision: str = "auto",
    max_megapixels: Annotated[float, Parameter(validator=Number(gt=0, lte=100_000))] = 200,
) -> int:
    """Report whether each picture was manipulated, and where.

    One line per picture: the verdict ("forged", "suspicious" or "nothing found"), the score and its threshold, the size
    and place of the marked region, and which traces indicate a manipulation. "Nothing found" does not mean that a
    picture is authentic. Exit status 1 if some pictures could not be read, 3 if results could not be written; the
    other pictures are still processed.

    For example:

        psccnet detect photo.jpg

        psccnet detect claims/ more/*.png --out results/

        curl -s https://example.org/photo.jpg | psccnet detect - --json

        find claims/ -newer yesterday -print0 | psccnet detect --from -

    Args:
        from_: a file with a picture or folder per line, or separated by NUL; - for standard input; may be given several
            times.
        weights: a bundled name, a .safetensors file, a folder in the released layout, or one made by psccnet weights
            quantize.
        out: folder for drawings of each picture; those of different pictures never replace each other.
        write: which drawings, separated by commas: mask (in colours), overlay (on the picture), masks (of the four
            scales), mask16 (the mask's values in 16 bits, for programs), confidence (as by --confidence); by default
            mask,overlay.
        json_lines: print one JSON object per line instead of text.
        threshold: score at and above which a picture is called forged; by default that of the weights.
        exit_scale: finest mask to compute; 4 is the fastest and coarsest, auto stops when masks hardly change.
        gate: localize only in pictures that are called forged.
        evidence: print what each other trace found in the picture and its file, and draw it into --out. By default,
            traces count for the verdict but are not printed; --no-evidence uses the network alone.
        confidence: also tell how far the mask can be trusted: print the share of pixels that it is expected to be right
            about, and draw how likely that is at each pixel into --out.
        backend: runtime; auto takes torch if there is an NVIDIA GPU, otherwise OpenVINO.
        device: auto, cpu, cuda or mps.
        precision: auto, float32, bf16, or int8 for weights made by psccnet weights quantize.
        max_megapixels: refuse larger pictures before decoding them.
    """
    for name in pictures:
        if name.startswith("-") and name != "-":
            raise InputError(f"there is no option {name}; see psccnet detect --help (a file of that name is ./{name})")
    if "-" in pictures and Path("-") in from_:
        raise InputError("standard input cannot be both a picture and a list; give - only once")
    check_lists(from_)
    counts = {"inputs": 0, "failed": 0, "unwritten": 0}

    def fail(reason: object) -> None:
        counts["failed"] += 1
        print(f"psccnet: {reason}", file=sys.stderr)

    def fail_listing(reason: str) -> None:
        counts["inputs"] += 1
        fail(reason)

    finder = Finder(out, fail_listing)
    inputs = chain(finder.find(pictures), *(finder.find_listed(listing) for listing in from_))
    first = next(inputs, None)
    if first is None:
        where = ", ".join((*pictures, *map(str, from_)))
        where += f"; skipped: {passed_over(finder.others)}" if finder.others else ""
        raise InputError(f"no picture in {where}" if where else "give a picture, or see psccnet detect --help")
    from psccnet.inference import PictureError, load_detector
    from psccnet.inference.detector import OF_ONE_PICTURE
    from psccnet.inference.pipeline import in_order
    from psccnet.inference.result_folder import ResultFolder
    from psccnet.pictures.decoding import decode

    kinds = _kinds(write, out)
    confidence = confidence or "confidence" in kinds
    if confidence and "confidence" not in kinds:
        kinds = (*kinds, "confidence")
    folder = ResultFolder(out) if out is not None else None
    detector = load_detector(weights, backend, device, precision, int(max_megapixels * 1e6))

    # Standard input is read in this thread, since another one could not be interrupted while it waits.
    piped = sys.stdin.buffer.read() if "-" in pictures else b""

    def counted() -> Iterator[Input]:
        for found in chain([first], inputs):
            counts["inputs"] += 1
            yield found

    def read(found: Input, admit: "Admit") -> tuple[Input, "Decoded"]:
        if found.source == "-" and "-" in pictures:
            return found, decode(piped, detector.max_pixels, "stdin", admit=admit)
        return found, decode(found.source, detector.max_pixels, found.source, admit=admit)

    def examine(picture: tuple[Input, "Decoded"]) -> tuple[Input, "Decoded", "Result"]:
        found, decoded = picture
        result = detector.detect(
            decoded,
            masks=(1, 2, 3, 4),
            exit_scale=exit_scale,
            gate=gate,
            threshold=threshold,
            evidence=evidence is not False,
            confidence=confidence,
        )
        return found, decoded, result

    def keep(examined: tuple[Input, "Decoded", "Result"]) -> tuple["Result", list[Path], WriteError | None]:
        (_, output), decoded, result = examined
        try:
            files = folder.write(result, decoded.pixels, output, kinds, bool(evidence)) if folder else []
            return result, files, None
        except WriteError as error:
            if error.errno != errno.ENAMETOOLONG:
                return result, [], error
            raise PictureError(f"{decoded.name}: its name is too long for the results' names; shorten it.") from error

    done = in_order(counted(), read, examine, keep, OF_ONE_PICTURE)
    for _, outcome in progress(done, "pictures", lines=True):
        if isinstance(outcome, Exception):
            fail(outcome)
        else:
            result, files, unwritable = outcome
            _print(result, json_lines, files)
            if evidence and not json_lines:
                _print_findings(result)
            if unwritable is not None:
                counts["unwritten"] += 1
                print(f"psccnet: {result.name}: its results are lost: {unwritable}", file=sys.stderr)
    if finder.others:
        print(f"psccnet: skipped: {passed_over(finder.others)}", file=sys.stderr)
    if counts["failed"]:
        print(f"psccnet: {counts['failed']} of {counts['inputs']} inputs failed, named above.", file=sys.stderr)
    if counts["unwritten"]:
        unwritten = f"the results of {counts['unwritten']} of {counts['inputs']} inputs were not written."
        print(f"psccnet: {unwritten}", file=sys.stderr)
        return 3
    return 1 if counts["failed"] else 0


def _print(result: "Result", json_lines: bool, written: list[Path]) -> None:
    if json_lines:
        print(json.dumps(result.to_dict() | {"files": [str(path) for path in written]}), flush=True)
        return
    place = f"  {result.place}" if result.place else ""
    notes = f"  ({'; '.join(result.notes)})" if result.notes else ""
    sure = "" if result.mean_confidence is None else f"  confidence {result.mean_confidence:.2f}"
    verdict = f"{result.words:<13}  score {result.score:.3f}, threshold {result.threshold:.3f}"
    traces = [name for name in result.judgement.reasons if name != "network"] if result.judgement else []
    by = f"  by {' and '.join(part for part in (', '.join(traces[:-1]), traces[-1]) if part)}" if traces else ""
    print(f"{verdict}{place:<27}{by}{sure}  {result.name}{notes}", flush=True)


def _print_findings(result: "Result") -> None:
    """Print one line for each trace."""
    for finding in result.findings:
        indicates = " (indicates a manipulation)" if finding.significant else ""
        print(f"    {finding.name}{indicates}: {finding.sentence}", flush=True)


def _kinds(write: str | None, out: Path | None) -> tuple["Kind", ...]:
    from psccnet.inference.result_folder import KINDS, USUAL

    if write is None:
        return USUAL
    if out is None:
        raise InputError("--write needs a folder to write to: add --out FOLDER")
    wanted = {kind.strip() for kind in write.split(",")}
    if not wanted <= set(KINDS):
        raise InputError(f"--write takes {', '.join(KINDS)}, separated by commas, not {write!r}")
    return tuple(kind for kind in KINDS if kind in wanted)
