"""Measure the traces: how many forgeries they find, and how many false alarms they raise on untouched pictures.

    python benchmarks/evidence.py look LISTING results.jsonl            # every picture of a listing
    python benchmarks/evidence.py look PHOTOGRAPHS results.jsonl --crop 256 --count 400
    python benchmarks/evidence.py look PHOTOGRAPHS results.jsonl --weights default      # and the verdict with these
    python benchmarks/evidence.py table results.jsonl
    python benchmarks/evidence.py verdicts results.jsonl                # how often pictures are called forged
    python benchmarks/evidence.py alarms square-statistics results.jsonl   # how often a trace reaches some rates
    python benchmarks/evidence.py fit PHOTOGRAPHS --count 200           # the weights of copy-move's strength
    python benchmarks/evidence.py noise PHOTOGRAPHS --count 400         # how often photographs show as strong a part
    python benchmarks/evidence.py once LISTING                          # how often a part looks compressed once only
    python benchmarks/evidence.py once PHOTOGRAPHS --crop 256           # of photographs, saved twice for this

`look` writes a line per picture and resumes. No number in the package is fitted on a listing: `fit` makes copies in
photographs, and false-alarm rates are those of photographs. docs/evidence.md says what was chosen after looking at
results on listings.
"""

import argparse
import io
import json
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from psccnet.cli.progress import progress
from psccnet.datasets.entry import Entry
from psccnet.datasets.listing import read_listing
from psccnet.evidence import noise
from psccnet.evidence.copy_move.strength import WEIGHTS, measurements, strength
from psccnet.evidence.copy_move.trace import _grey, find_copies, working_scale
from psccnet.evidence.double_compression.stored import read_stored
from psccnet.evidence.double_compression.trace import false_alarms, strongest_window
from psccnet.evidence.find import find
from psccnet.evidence.finding import Finding
from psccnet.inference import Detector, load_detector
from psccnet.inference.verdict import judge
from psccnet.pictures.decoding import Decoded, decode

_SHARES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(required=True)
    looking = actions.add_parser("look")
    looking.add_argument("pictures", type=Path)
    looking.add_argument("results", type=Path)
    looking.add_argument("--crop", type=int, default=0, help="side of a crop at a random place, pixels; 0 takes all")
    looking.add_argument("--count", type=int, default=10**9)
    looking.add_argument("--threads", type=int, default=2)
    looking.add_argument("--every", type=int, default=1)
    looking.add_argument("--weights", help="of the network; without them there is no verdict")
    looking.set_defaults(act=look)
    tables = actions.add_parser("table")
    tables.add_argument("results", type=Path, nargs="+")
    tables.set_defaults(act=table)
    verdicts_of = actions.add_parser("verdicts")
    verdicts_of.add_argument("results", type=Path, nargs="+")
    verdicts_of.set_defaults(act=verdicts)
    of_trace = actions.add_parser("alarms")
    of_trace.add_argument("trace", help="such as square-statistics; network and together, where weights were given")
    of_trace.add_argument("results", type=Path, nargs="+")
    of_trace.set_defaults(act=alarms)
    fitting = actions.add_parser("fit")
    fitting.add_argument("photographs", type=Path)
    fitting.add_argument("--count", type=int, default=200)
    fitting.set_defaults(act=fit)
    alarming = actions.add_parser("noise")
    alarming.add_argument("photographs", type=Path)
    alarming.add_argument("--count", type=int, default=400)
    alarming.set_defaults(act=noise_alarms)
    once = actions.add_parser("once")
    once.add_argument("pictures", type=Path)
    once.add_argument("--crop", type=int, default=0, help="side of a crop of photographs, pixels; 0 takes all")
    once.add_argument("--count", type=int, default=10**9)
    once.set_defaults(act=compressed_once)
    arguments = parser.parse_args()
    arguments.act(arguments)


def entries(pictures: Path) -> list[Entry]:
    """The pictures of a listing, or the photographs of a folder as pristine ones, in a fixed random order."""
    if pictures.suffix == ".csv" or (pictures / "index.csv").is_file():
        return list(read_listing(pictures))
    paths = sorted(pictures.glob("*.jpg"))
    np.random.default_rng(0).shuffle(paths)
    return [Entry(path.name, path, None, "pristine", "photographs") for path in paths]


def look(arguments: argparse.Namespace) -> None:
    """Write one line per picture."""
    cv2.setNumThreads(arguments.threads)
    results = arguments.results
    done = {json.loads(line)["id"] for line in results.read_text().splitlines()} if results.exists() else set()
    chosen = entries(arguments.pictures)[:: arguments.every][: arguments.count]
    detector = load_detector(arguments.weights) if arguments.weights else None
    with results.open("a") as file:
        for entry in progress([one for one in chosen if str(one.image) not in done], "pictures"):
            decoded = decode(entry.image)
            if arguments.crop:
                decoded = replace(decoded, pixels=crop(decoded.pixels, arguments.crop), data=None)
            pixels = decoded.pixels
            started = time.perf_counter()
            findings = find(pixels, decoded.data, decoded.orientation)
            line = {
                "id": str(entry.image),
                "set": f"{entry.set}-{arguments.crop}" if arguments.crop else entry.set,
                "manipulation": entry.manipulation,
                "seconds": time.perf_counter() - started,
                "megapixels": pixels.shape[0] * pixels.shape[1] / 1e6,
                "alarms": {one.name: one.false_alarms for one in findings if one.false_alarms is not None},
                "significant": [one.name for one in findings if one.significant],
                "f1": score(entry, findings),
            }
            if detector is not None:
                line |= verdict(detector, decoded, findings)
            file.write(json.dumps(line) + "\n")
            file.flush()


def verdict(detector: Detector, decoded: Decoded, findings: tuple[Finding, ...]) -> dict[str, object]:
    """How often an untouched picture gets as high a score of the network, and what both say together."""
    result, calibration = detector.detect(decoded), detector.card.calibration
    shorter = min(result.height, result.width)
    judgement = judge(result.score, result.threshold, (result.height, result.width), findings, calibration)
    network = None if calibration is None else calibration.false_alarms(result.score, shorter)
    return {"network": network, "together": judgement.false_alarms, "words": judgement.words}


def crop(pixels: np.ndarray, side: int) -> np.ndarray:
    """A square at a random place that depends only on the pixels."""
    height, width = pixels.shape[:2]
    random = np.random.default_rng(int(pixels[::7, ::7].sum()))
    top, left = random.integers(0, max(1, height - side + 1)), random.integers(0, max(1, width - side + 1))
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def score(entry: Entry, findings: tuple) -> dict[str, float]:
    """F1 of the map of each significant trace; note that masks often mark only the target of a copy-move."""
    if entry.mask is None:
        return {}
    truth = entry.read().mask
    scores = {}
    for finding in findings:
        if finding.significant and finding.map is not None and truth is not None:
            found = cv2.resize(finding.map, truth.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0.5
            scores[finding.name] = float(2 * (found & truth).sum() / (found.sum() + truth.sum()))
    return scores


def table(arguments: argparse.Namespace) -> None:
    """Print rates by set and manipulation: at the traces' thresholds, and at 5 % false alarms on all real pictures."""
    lines = [json.loads(line) for path in arguments.results for line in path.read_text().splitlines()]
    traces = sorted({name for line in lines for name in line["alarms"]})
    real = [line for line in lines if line["manipulation"] == "pristine" and not line["set"].startswith("photographs")]
    levels = {
        trace: np.quantile([line["alarms"].get(trace, 1.0) for line in real], 0.05, method="lower") if real else 0.0
        for trace in traces
    }
    groups = defaultdict(list)
    for line in lines:
        groups[line["set"], line["manipulation"]].append(line)
        if line["manipulation"] != "pristine" and line["set"] != "casia1":
            groups["all but casia1", line["manipulation"]].append(line)
        elif line in real:
            groups["all real", "pristine"].append(line)
    print("| set | pictures | " + " | ".join(f"{name}: own, at 5 %, F1" for name in traces) + " | s/MP |")
    print("|---" * (3 + len(traces)) + "|")
    for (name, manipulation), group in sorted(groups.items()):
        cells = [_cell(group, trace, levels[trace]) for trace in traces]
        speed = np.median([line["seconds"] / line["megapixels"] for line in group])
        print(f"| {name} {manipulation} | {len(group)} | " + " | ".join(cells) + f" | {speed:.2f} |")


def by_group(paths: list[Path]) -> list[tuple[str, list[dict]]]:
    """The lines of results, by set and manipulation."""
    groups = defaultdict(list)
    for path in paths:
        for line in path.read_text().splitlines():
            found = json.loads(line)
            groups[f"{found['set']} {found['manipulation']}"].append(found)
    return sorted(groups.items())


def verdicts(arguments: argparse.Namespace) -> None:
    """Print how many pictures of each set and manipulation are called forged, and forged or suspicious."""
    print("| set | pictures | forged | forged or suspicious |")
    print("|---|---|---|---|")
    for name, lines in by_group(arguments.results):
        words = [line["words"] for line in lines]
        forged, both = words.count("forged"), words.count("forged") + words.count("suspicious")
        shares = (f"{one} ({100 * one / len(words):.1f} %)" for one in (forged, both))
        print(f"| {name} | {len(words)} | " + " | ".join(shares) + " |")


def alarms(arguments: argparse.Namespace) -> None:
    """Print how many pictures of each set and manipulation a trace calls at several rates of false alarms."""
    rates = (0.05, 0.02, 0.0125, 0.005)
    print("| set | pictures | " + " | ".join(f"{100 * rate:g} %" for rate in rates) + " |")
    print("|---" * (2 + len(rates)) + "|")
    for name, lines in by_group(arguments.results):
        found = [{**line, **line["alarms"]}.get(arguments.trace, 1.0) for line in lines]
        counts = " | ".join(str(sum(one <= rate for one in found)) for rate in rates)
        print(f"| {name} | {len(lines)} | {counts} |")


def _cell(group: list[dict], trace: str, level: float) -> str:
    own = np.mean([trace in line["significant"] for line in group])
    strict = np.mean([line["alarms"].get(trace, 1.0) < level for line in group])
    scores = [line["f1"][trace] for line in group if trace in line["f1"]]
    return f"{own:.3f}, {strict:.3f}, " + (f"{np.mean(scores):.2f}" if scores else "-")


def fit(arguments: argparse.Namespace) -> None:
    """Print the weights of the strength, fitted on photographs with copies and on untouched ones."""
    from sklearn.linear_model import LogisticRegression

    rows, copied, strongest = [], [], []
    photographs = entries(arguments.photographs)
    for number in progress(range(arguments.count), "pairs"):
        random = np.random.default_rng(number)
        picture, truth = make_copy(shrunk(decode(photographs[number].image).pixels, random), random)
        pristine = shrunk(decode(photographs[-1 - number].image).pixels, random)
        for pixels, place in ((picture, truth), (_saved(pristine, random), None)):
            scale = working_scale(*pixels.shape[:2])
            copies = find_copies(_grey(pixels, scale), scale)
            for copy in copies:
                found = cv2.resize((copy.source | copy.target).astype(np.uint8), pixels.shape[1::-1]) > 0
                right = place is not None and 2 * (found & place).sum() > 0.4 * (found.sum() + place.sum())
                if right or place is None:
                    rows.append(list(measurements(copy).values()))
                    copied.append(right)
            if place is None:
                strongest.append(max((strength(copy) for copy in copies), default=-50.0))
    model = LogisticRegression(C=3, max_iter=2000).fit(rows, copied)
    names = list(WEIGHTS)
    print("CONSTANT", round(float(model.intercept_[0]), 2))
    print("WEIGHTS", dict(zip(names, model.coef_[0].round(2).tolist(), strict=True)))
    print("untouched, strength at 10, 5, 2, 1 %:", np.quantile(strongest, (0.9, 0.95, 0.98, 0.99)).round(2).tolist())


def noise_alarms(arguments: argparse.Namespace) -> None:
    """Print what the strongest part of noise reaches in shares of untouched photographs."""
    strongest = []
    for entry in progress(entries(arguments.photographs)[: arguments.count], "photographs"):
        squares = noise.measure(decode(entry.image).pixels)
        if squares.usable.sum() >= noise.FEWEST:
            parts = noise.gathered(*noise.marks(squares))
            strongest.append(-min((part.log10_nfa for part in parts), default=0.0))
    print(len(strongest), "photographs")
    print("ALARMS", [(round(float(np.quantile(strongest, 1 - share)), 2), share) for share in _SHARES])


def compressed_once(arguments: argparse.Namespace) -> None:
    """Print how strongly untouched pictures, and forged ones, look as if a part of them was compressed once only.

    The files of a listing are taken as they are; of a folder, photographs are cropped and saved twice.
    """
    as_they_are = arguments.pictures.suffix == ".csv" or (arguments.pictures / "index.csv").is_file()
    random = np.random.default_rng(0)
    strengths, looked = defaultdict(list), defaultdict(int)
    for entry in progress(entries(arguments.pictures)[: arguments.count], "pictures"):
        data = entry.image.read_bytes() if as_they_are else saved_twice(entry.image, arguments.crop, random)
        group = f"{entry.set} {entry.manipulation}"
        looked[group] += 1
        stored = read_stored(data)
        strongest = strongest_window(stored.twice, data) if stored is not None and stored.twice else None
        if strongest is not None:
            squares = stored.grey.shape[0] // 8 * (stored.grey.shape[1] // 8)
            strengths[group].append((strongest.strength, false_alarms(strongest.strength, squares)))
    print(
        "set and manipulation      pictures  compressed twice  strength of one in 20, 50, 100  alarms at 1.25 and 0.5 %"
    )
    for group, total in sorted(looked.items()):
        told = np.array(strengths[group]).reshape(-1, 2)
        quantiles = np.quantile(told[:, 0], (0.95, 0.98, 0.99)).round(1) if len(told) else "-"
        alarms = [f"{(told[:, 1] <= rate).sum() / total:.3f}" for rate in (0.0125, 0.005)]
        print(f"{group:25s} {total:8d}  {len(told):16d}   {quantiles!s:30s}  {alarms}")


def saved_twice(path: Path, side: int, random: np.random.Generator) -> bytes:
    """A JPEG of a photograph that was saved before at a lower quality, on the same squares."""
    pixels = decode(path).pixels
    data = b""
    for quality in (int(random.integers(60, 90)), int(random.integers(82, 99))):
        file = io.BytesIO()
        Image.fromarray(crop(pixels, side) if side else pixels).save(
            file, "JPEG", quality=quality, subsampling=int(random.choice((0, 2)))
        )
        side, data = 0, file.getvalue()
        pixels = np.asarray(Image.open(io.BytesIO(data)))
    return data


def shrunk(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Reduce half of the pictures to a height of 256 pixels."""
    if random.random() < 0.5:
        scale = 256 / min(pixels.shape[:2])
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:384, :384]
    return np.ascontiguousarray(pixels)


def make_copy(pixels: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Copy and move a part of a picture, rotated, scaled or mirrored in six of ten cases; also return both places."""
    height, width = pixels.shape[:2]
    while True:
        part, centre = _blob(height, width, random)
        kind = random.random()
        turn = random.uniform(-40, 40) if 0.4 < kind < 0.6 or kind > 0.87 else 0.0
        size = random.uniform(0.6, 1.5) if 0.6 < kind < 0.75 or kind > 0.87 else 1.0
        matrix = cv2.getRotationMatrix2D(centre, turn, size)
        if 0.75 < kind < 0.87:
            matrix = matrix @ np.array([[-1, 0, 2 * centre[0]], [0, 1, 0], [0, 0, 1]])
        goal = np.array([random.uniform(0, width), random.uniform(0, height)]) - centre
        matrix[:, 2] += np.round(goal) if kind < 0.4 else goal
        there = cv2.warpAffine(part, matrix, (width, height), flags=cv2.INTER_NEAREST) > 0
        if there.sum() > 0.9 * part.sum() * size**2 and not (there & (part > 0)).any():
            break
    moved = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC)
    edge = cv2.GaussianBlur(there.astype(np.float32), (0, 0), random.uniform(0.2, 1.5))[..., None]
    made = (edge * moved + (1 - edge) * pixels).round().clip(0, 255).astype(np.uint8)
    return _saved(made, random), there | (part > 0)


def _blob(height: int, width: int, random: np.random.Generator) -> tuple[np.ndarray, tuple[float, float]]:
    """A disc of 1 to 12 % of the picture, and its centre."""
    radius = np.sqrt(np.exp(random.uniform(np.log(0.012), np.log(0.12))) * height * width / np.pi)
    turns = np.sort(random.uniform(0, 2 * np.pi, 9))
    centre = random.uniform(0, width), random.uniform(0, height)
    reach = radius * random.uniform(0.9, 1.4, 9)
    corners = np.stack([centre[0] + reach * np.cos(turns), centre[1] + reach * np.sin(turns)], axis=1)
    part = np.zeros((height, width), np.uint8)
    cv2.fillPoly(part, [corners.round().astype(np.int32)], 1)
    return part, centre


def _saved(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Compress most pictures as JPEG."""
    if random.random() < 0.15:
        return pixels
    _, data = cv2.imencode(".jpg", pixels[..., ::-1].copy(), [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(65, 98))])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy()


if __name__ == "__main__":
    main()
