"""The page as static files for any host: the network runs in the visitor's browser, and no picture leaves it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psccnet.engine.engine import SETTLED, Engine
from psccnet.engine.find import find_graphs, make_engine
from psccnet.engine.tiling import ALIGNMENT, HALO, STEM_ALIGNMENT, STEM_HALO
from psccnet.errors import InputError
from psccnet.inference import region, verdict
from psccnet.inference.attention import check
from psccnet.inference.rendering import DIM, STRONGEST
from psccnet.network.architecture import CHANNELS, RATIOS
from psccnet.pictures.whole_files import make_folder, write_whole
from psccnet.report.sentences import REASONS, SENTENCES, limits, measured, missed, reaching
from psccnet.serve.browser_runtime import runtime_files
from psccnet.serve.page_files import INDEX, page_files
from psccnet.weights.calibration import FEWEST, RATES, SIZES
from psccnet.weights.card import Card
from psccnet.weights.reading import inside, read, resolve

PATTERN = (67, 90)
"""Height and width of the test picture; odd, so that edges are tested, too."""
TOLERANCE = 1e-2
"""Largest difference of a browser's score or mask values from those of psccnet, on the test picture."""
TILE_CELLS = 600_000
"""Cells of a tile of stages 2 to 4, halo included; takes about 700 MB of the browser's memory."""
STEM_CELLS = 192 * 192
"""Cells of a tile of the stem."""
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self';"
    " connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'"
)
BROWSER_LIMIT = (
    "This page looks by the network alone, in the browser. It does not look for other traces, such as copied parts,"
    " JPEG squares, noise and colours, nor at what the file tells of itself, which psccnet serve does. Damage inside a"
    " JPEG that still shows as a picture is not noticed: look whether the picture is whole."
)


@dataclass(frozen=True)
class Site:
    """The written site.

    Attributes:
        files: of the site.
        size: of all together, bytes.
    """

    files: list[Path]
    size: int


def write_site(out: Path, weights: str | Path, runtime: Path | None, max_pixels: int) -> Site:
    """Write the page with weights and runtime as static files.

    Args:
        out: the folder, made if missing; files of other names that stand in it are left alone.
        weights: a bundled name, a `.safetensors` file, or a folder in the released layout.
        runtime: see `psccnet.serve.browser_runtime.runtime_files`.
        max_pixels: of a picture; the page refuses larger ones.

    Raises:
        WeightsError: if the weights cannot be read.
        InputError: if there is no runtime to be had.
        WriteError: if a file cannot be written; what stood there before is then still there.
    """
    path = inside(resolve(weights))
    graphs, card = find_graphs(path)
    attention, values = _attention(path, card)
    engine, _ = make_engine(path, precision="float32")
    model = {
        **_description(card),
        "maxPixels": max_pixels,
        "engine": _cutting(engine),
        "check": _check(engine),
        "attention": attention,
    }
    contents = {f"page/{name}": content for name, content in page_files().items() if name != INDEX}
    contents[INDEX] = _index()
    contents |= {f"model/{part}.onnx": graph for part, graph in graphs.items()}
    contents |= {
        f"model/{name}": content for name, content in (("attention.bin", values), ("model.json", _json(model)))
    }
    contents |= {f"runtime/{name}": content for name, content in runtime_files(runtime).items()}
    for folder in (out, *(out / name for name in ("page", "model", "runtime"))):
        make_folder(folder)
    write_whole({out / name: content for name, content in contents.items()})
    return Site([out / name for name in contents], sum(len(content) for content in contents.values()))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _index() -> bytes:
    """index.html with the browser as the source of results, and a policy that forbids to load from elsewhere."""
    text = page_files()[INDEX].decode()
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    for before, after in (
        ('data-results="server"', 'data-results="browser"'),
        ('<meta charset="utf-8">', f'<meta charset="utf-8">\n{policy}'),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    return text.encode()


def _description(card: Card) -> dict[str, Any]:
    """The parts of the card and the rules of the verdict that `static/verdict.js` needs."""
    calibration, masks = card.calibration, card.mask_calibration
    return {
        "model": f"{card.name} {card.sha256[:12]}".strip(),
        "threshold": card.threshold,
        "calibration": None
        if calibration is None
        else {
            "scores": calibration.scores,
            "pictures": calibration.pictures,
            "sizes": SIZES,
            "rates": RATES,
            "fewest": FEWEST,
        },
        "maskCalibration": None if masks is None else {"slope": masks.slope, "offset": masks.offset},
        "verdict": {
            "forged": verdict.FORGED,
            "suspicious": verdict.SUSPICIOUS,
            "smallest": verdict.SMALLEST,
            "share": verdict.SHARES["network"],
            "tooSmall": verdict.TOO_SMALL,
        },
        "region": {"highest": region.HIGHEST, "peak": region.PEAK, "standsOut": region.STANDS_OUT},
        "tint": {"dim": DIM, "strongest": STRONGEST},
        "sentences": SENTENCES,
        "networkReason": REASONS["network"],
        "missed": missed(card),
        "reaching": reaching(card),
        "measured": bool(measured(card)),
        "limits": [BROWSER_LIMIT, *limits(card)],
    }


def _cutting(engine: Engine) -> dict[str, Any]:
    """How a picture is cut into tiles (`static/engine.js`)."""
    reads = [int(name[-1]) for name in engine.part_inputs("detection") if name.startswith("logits")]
    return {
        "cell": engine.architecture.cell,
        "grid": engine.architecture.grid,
        "channels": CHANNELS,
        "ratios": RATIOS,
        "halo": HALO,
        "alignment": ALIGNMENT,
        "stemHalo": STEM_HALO,
        "stemAlignment": STEM_ALIGNMENT,
        "detectionReads": reads,
        "settled": SETTLED,
        "tileCells": TILE_CELLS,
        "stemCells": STEM_CELLS,
    }


def pattern() -> NDArray[np.uint8]:
    """The test picture of a browser, (H, W, 3) uint8; `static/worker.js` makes the same."""
    y, x, channel = np.indices((*PATTERN, 3))
    made: NDArray[np.uint8] = ((x >> 3) * 37 + (y >> 2) * 59 + channel * 83 + (x * y % 31) * 5).astype(np.uint8)
    return made


def _check(engine: Engine) -> dict[str, Any]:
    """The network's results for the test picture."""
    output = engine(pattern())
    return {
        "height": PATTERN[0],
        "width": PATTERN[1],
        "score": output.score,
        "mask4": [round(float(value), 5) for value in output.masks[4].ravel()],
        "means": [round(float(output.masks[scale].mean()), 5) for scale in range(1, 5)],
        "tolerance": TOLERANCE,
    }


def _attention(path: Path, card: Card) -> tuple[dict[str, Any] | None, bytes]:
    """The SCCM layers for responses, concatenated as float32, and the offset of each.

    None where the weights have no such responses.
    """
    try:
        check(card.architecture)
    except InputError:
        return None, b""
    tensors, _ = read(path, "np")
    starts, content, length = {}, [], 0
    for scale in range(1, 5):
        for layer in ("theta", "phi"):
            for name, part in ((f"{layer}{scale}", "weight"), (f"{layer}_bias{scale}", "bias")):
                values = np.ascontiguousarray(tensors[f"bottom_up.scale{scale}.sccm.{layer}.{part}"], dtype="<f4")
                starts[name] = length
                length += values.size
                content.append(values.tobytes())
    return {"starts": starts}, b"".join(content)
