"""`psccnet weights`: list, show, card, verify, import, bundle, calibrate, quantize."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from psccnet.cli.inputs import Finder
from psccnet.cli.progress import progress
from psccnet.errors import InputError, MissingFileError, PictureError, WeightsError
from psccnet.pictures.whole_files import write_whole
from psccnet.weights.card import Card, bundled, card_path, read_card, render
from psccnet.weights.card import verify as verify_card
from psccnet.weights.reading import inside, resolve

if TYPE_CHECKING:
    from psccnet.evidence.square_statistics.card import SquareCard
    from psccnet.inference import Detector
    from psccnet.weights.calibration import Calibration
    from psccnet.weights.mask_calibration import MaskCalibration


def list_weights() -> None:
    """List the bundled weights: name, date, number of parameters, size."""
    for name, path in bundled().items():
        card = read_card(path)
        print(f"{name}  {card.created[:10]}  {card.parameters:,} parameters  {path.stat().st_size / 1e6:.1f} MB")


def show(weights: str = "default") -> None:
    """Show the card of weights: what they were trained on, how, and how good they are.

    For example:

        psccnet weights show mine.safetensors

    Args:
        weights: a bundled name, a .safetensors file, or a folder made by psccnet weights quantize.
    """
    print(render(_card_of(weights)))


def card(weights: str = "default", *, markdown: bool = False, table: bool = False) -> None:
    """Print the card of weights as JSON, as a model card for a hub, or as one short table.

    For example:

        psccnet weights card mine.safetensors --markdown

    Args:
        weights: a bundled name, a .safetensors file, or a folder made by psccnet weights quantize.
        markdown: print a model card in the Hugging Face form, YAML before Markdown.
        table: print what the weights find and miss as a Markdown table, which is also in the README.
    """
    if markdown and table:
        raise InputError("--markdown and --table exclude each other: choose one")
    found = _card_of(weights)
    if markdown or table:
        from psccnet.report.model_card import model_card, scores_table

        print(model_card(found) if markdown else scores_table(found), end="" if markdown else "\n")
    else:
        print(found.model_dump_json(indent=2))


def _card_of(weights: str) -> Card:
    path = inside(resolve(weights))
    if path.is_dir():
        raise WeightsError(f"{path} is a folder, which has no card: psccnet weights import makes a file with one")
    return read_card(path)


def verify(weights: str = "default") -> None:
    """Check that a weight file and its card belong together, or that released files are the original ones.

    For example:

        psccnet weights verify mine.safetensors

    Args:
        weights: a bundled name, a .safetensors file, a folder made by psccnet weights quantize, or one in the released
            layout.
    """
    path = inside(resolve(weights))
    if not path.is_dir():
        print(f"{path}: intact, {verify_card(path).name}")
        return
    from psccnet.weights import identify

    others = identify(path)
    if others:
        raise WeightsError("not the released file: " + ", ".join(str(file) for file in others.values()))
    print(f"{path}: the three released files")


def import_weights(folder: Path, *, out: Path) -> None:
    """Turn the released weights into one .safetensors file with a card.

    For example:

        psccnet weights import PSCC-Net/ --out released.safetensors

    Args:
        folder: in the released layout (checkpoint/HRNet_checkpoint/HRNet.pth, ...), or with the three files in it.
        out: the .safetensors file to write.
    """
    from psccnet.engine.convert import convert
    from psccnet.weights import import_released, released_card, save
    from psccnet.weights.graph_file import write_graphs

    network = import_released(folder)
    card = save(network, out, released_card(folder))
    write_graphs(convert(network), out, card)
    print(f"{out}: {card.parameters:,} parameters")


def bundle(
    checkpoint: Path, *, out: Path, card: Path | None = None, calibrate: str | None = None, half: bool = True
) -> None:
    """Make weights with a card from a checkpoint of a training run.

    With --calibrate, the threshold of the verdict is chosen so that 1 in 20 of these pristine pictures reaches it.

    For example:

        psccnet weights bundle runs/first/best.ckpt --out first.safetensors --calibrate untouched/

    Args:
        checkpoint: last.ckpt or best.ckpt in the run's folder.
        out: the .safetensors file to write.
        card: a YAML file with fields of the card (name, trained_on, threshold, scores, notes, ...).
        calibrate: folder of at least 20 pristine pictures, a listing (also with forged ones), or NAME=FOLDER.
        half: store float16 instead of float32.
    """
    from psccnet.training.bundle import bundle_checkpoint

    written = bundle_checkpoint(checkpoint, out, card, half, calibrate)
    print(f"{out}: {written.name}, {written.steps:,} steps, sha256 {written.sha256[:12]}")


def calibrate(
    photographs: Path | None = None,
    /,
    *,
    forged: Path | None = None,
    weights: str = "default",
    out: Path | None = None,
) -> None:
    """Calibrate scores and masks, and write the result into the card.

    Untouched photographs give the false-alarm rate of scores by picture size, for the verdict of psccnet detect: take
    at least 400, of the kind that will be examined. Forged pictures with ground truth give the value of masks that
    becomes 0.5. Do not use pictures that the weights were trained on.

    For example:

        psccnet weights calibrate untouched/ --weights mine.safetensors

        psccnet weights calibrate --forged synthetic/ --weights mine.safetensors

    Args:
        photographs: folder of untouched pictures.
        forged: a CSV with the columns image, mask, manipulation, or a folder with index.csv, such as one made by
            psccnet synthesize.
        weights: a bundled name or a .safetensors file.
        out: where to write the card; by default beside the weights.
    """
    if photographs is None and forged is None:
        raise InputError("give a folder of untouched photographs, or --forged; see psccnet weights calibrate --help")
    from psccnet.inference import load_detector

    path = inside(resolve(weights))
    if path.is_dir():
        raise WeightsError(f"{path} is a folder, which has no card: give a .safetensors file")
    detector = load_detector(str(path))
    calibrations: dict[str, object] = {}
    if photographs is not None:
        calibrations["calibration"] = _by_photographs(detector, photographs)
    if forged is not None:
        calibrations["mask_calibration"] = _by_forgeries(detector, forged)
    card = read_card(path).model_copy(update=calibrations)
    written = out or card_path(path)
    write_whole({written: (card.model_dump_json(indent=2) + "\n").encode()})
    for line in render(card).splitlines():
        if line.strip().startswith(("calibrated", "masks")):
            print(" ".join(line.split()))
    print(written)


def _by_photographs(detector: "Detector", photographs: Path) -> "Calibration":
    from psccnet.inference.calibrating import calibrate as learn

    paths = [Path(found.source) for found in Finder(failed=_left_out).find([str(photographs)])]
    return learn(detector, progress(paths, "photographs"), failed=lambda _, error: _left_out(error))


def _left_out(what: object) -> None:
    print(f"psccnet: left out: {what}", file=sys.stderr)


def _by_forgeries(detector: "Detector", listing: Path) -> "MaskCalibration":
    from psccnet.datasets.listing import read_listing
    from psccnet.inference.calibrating import calibrate_masks

    entries = [entry for entry in read_listing(listing) if entry.forged]
    samples = (entry.read(detector.max_pixels) for entry in progress(entries, "forged pictures"))
    return calibrate_masks(detector, samples, listing.resolve().name)


def quantize(
    *,
    calibrate: Path,
    out: Path,
    weights: str = "default",
    count: Annotated[int, Parameter(validator=Number(gte=4))] = 32,
) -> None:
    """Quantize weights to 8-bit integers, which some processors compute faster; print the loss of accuracy.

    For example:

        psccnet weights quantize --calibrate photographs/ --out default-int8/

        psccnet detect photo.jpg --weights default-int8/

    Args:
        calibrate: folder with pictures of the kind that will be examined, also untouched ones; masks are not needed.
        out: folder to make.
        weights: a bundled name or a .safetensors file.
        count: number of pictures of the folder to use, evenly spread; a quarter of them is used only to measure.
    """
    from psccnet.engine.quantization import centre
    from psccnet.engine.quantization import quantize as make
    from psccnet.pictures.decoding import decode

    found = list(Finder(failed=_left_out).find([str(calibrate)]))
    pictures = []
    count = min(count, len(found))
    for source, _ in progress([found[number * len(found) // count] for number in range(count)], "pictures"):
        try:
            pictures.append(centre(decode(source).pixels))
        except (PictureError, MissingFileError) as error:
            _left_out(error)
    print("psccnet: calibrating, which takes about a minute", file=sys.stderr)
    with redirect_stdout(sys.stderr):  # nncf prints its progress on standard output
        measured = make(weights, pictures, out)
    print(
        f"{out}: differs from float32 by {measured['score_difference']:.4f} in the score and by"
        f" {measured['mask_difference']:.4f} in the mask, on average"
    )


def square_statistics(
    forgeries: list[Path],
    *,
    out: Path,
    apart: Path | None = None,
    untouched: Path | None = None,
    steps: Annotated[int, Parameter(validator=Number(gte=1))] = 4000,
    mean_with: list[Path] | None = None,
    seed: int = 0,
    workers: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
) -> None:
    """Train the network behind the trace of square statistics, which looks at squares of 8 x 8 pixels.

    It learns from forgeries that psccnet synthesize wrote, at 256 x 256 or larger; 6,000 of them and 4,000 steps take
    half an hour on two cores. The shipped one is the mean of two that were made so. Nothing of it is resumed after a
    stop. All commands use another one where the variable PSCCNET_SQUARES names it.

    For example:

        psccnet synthesize photographs/ --size 384 --count 6000 --out synthetic/

        psccnet weights square-statistics synthetic/ --untouched others/ --out squares.onnx

    Args:
        forgeries: CSVs with the columns image, mask, manipulation, or folders with index.csv.
        out: the .onnx file to write; its card is written beside it.
        apart: forgeries that are only measured at the end, of photographs that are not among the others.
        untouched: folder of photographs that are in no training picture; they give the trace its false-alarm rate.
            Without them it draws and does not count for the verdict.
        steps: of training, with eight crops each.
        mean_with: networks that this command made before, of other forgeries: what is written then answers the mean of
            theirs and the new one's.
        seed: of everything that is drawn.
        workers: processes that measure pictures; by default the number of cores.
    """
    import os

    from psccnet.datasets.listing import read_listing
    from psccnet.evidence.square_statistics.card import read_square_card, there
    from psccnet.evidence.square_statistics.features import MEASURES
    from psccnet.training import square_statistics as training
    from psccnet.training.joined_squares import joined

    if out.suffix != ".onnx" or not out.parent.is_dir():
        raise InputError(f"{out}: give --out a file that ends in .onnx, in a folder that is there")
    processes = workers or os.cpu_count() or 1

    def measured(listings: list[Path]) -> list[training.Example]:
        entries = [entry for listing in listings for entry in read_listing(listing)]
        return list(progress(training.examples(entries, processes), "pictures", len(entries)))

    paths: list[Path] = []
    if untouched is not None:
        paths = [Path(found.source) for found in Finder(failed=_left_out).find([str(untouched)])]
        training.check_enough(paths)
    cards = [read_square_card(there(path)) for path in mean_with or []]
    others = [(path.read_bytes(), card.measures) for path, card in zip(mean_with or [], cards, strict=True)]
    if others:
        joined(others)  # now, so that a wrong one costs no training
    known = measured(forgeries)
    network, curve = training.train(known, steps, seed, lambda steps: progress(steps, "steps"))
    print(f"loss of the last {len(curve[-100:])} steps {sum(curve[-100:]) / len(curve[-100:]):.3f}")
    graph = training.as_graph(network)
    trained_on = " and ".join(listing.resolve().name for listing in forgeries)
    if others:
        graph = joined([(graph, MEASURES), *others])
        trained_on = f"{trained_on}; the mean with {', with '.join(card.trained_on for card in cards)}"
    auc = None
    if apart is not None:
        auc = training.pixel_auc(graph, measured([apart]))
        print(f"pixel AUC of what was kept apart {auc:.3f}")
    card = training.card_of(known, steps, trained_on, auc)

    def write(card: "SquareCard") -> None:
        write_whole({out: graph, out.with_suffix(".json"): (card.model_dump_json(indent=2) + "\n").encode()})

    write(card)  # before the calibration, so that a photograph that cannot be read costs no training
    if untouched is not None:
        calibration = training.calibrated(graph, paths, lambda paths: progress(paths, "photographs"))
        write(card.model_copy(update={"calibration": calibration}))
    print(out)
