"""`make demo`: forge pictures that come with scikit-image, run the detector on them, and show everything on one page.

None of these pictures was used in training.
"""

import base64
import html
import io
import os
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from psccnet.inference import Detector, Result, load_detector
from psccnet.inference.rendering import legend_line, overlay
from psccnet.inference.result_folder import write_pictures
from psccnet.pictures.decoding import decode
from psccnet.pictures.whole_files import make_folder, write_whole
from psccnet.report.document import html as report
from psccnet.report.section import section_of
from psccnet.report.sentences import meaning
from psccnet.weights.card import Card

Picture = NDArray[np.uint8]
CAMERA_QUALITY = 85
"""All four pictures are stored first as a camera stores them: JPEG with halved colours."""
JPEG_QUALITY = 90
"""All four are saved at last as an editor saves them, with the same quality and full colours, so that the files do not
give the forged ones away."""


@dataclass(frozen=True)
class Example:
    """One picture of the demonstration.

    Attributes:
        name: "splicing", "copy-move", "removal" or "pristine".
        story: one sentence on how the picture was made.
        data: the bytes of its JPEG file.
        truth: (H, W) bool, true where forged.
    """

    name: str
    story: str
    data: bytes
    truth: NDArray[np.bool_]


def _photograph(name: str) -> Picture:
    """Read a picture from the installed scikit-image package, as a camera would have stored it."""
    import skimage

    picture = np.array(Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB"))
    stored = _jpeg(picture, CAMERA_QUALITY, "4:2:0")
    return np.array(Image.open(io.BytesIO(stored)))


def _jpeg(picture: Picture, quality: int = JPEG_QUALITY, subsampling: str = "4:4:4") -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=quality, subsampling=subsampling)
    return file.getvalue()


def _ellipse(shape: tuple[int, ...], centre: tuple[int, int], axes: tuple[int, int]) -> NDArray[np.bool_]:
    canvas = np.zeros(shape[:2], np.uint8)
    cv2.ellipse(canvas, centre, axes, 0, 0, 360, 1, -1)
    return canvas.astype(bool)


def make_examples() -> list[Example]:
    """Make one splicing, one copy-move, one removal and one pristine picture, always the same."""
    coffee, rocket = _photograph("coffee.png"), _photograph("rocket.jpg")
    cat, astronaut = _photograph("chelsea.png"), _photograph("astronaut.png")

    spliced = coffee.copy()
    head = _ellipse(cat.shape, (225, 130), (95, 90))
    rows, columns = np.nonzero(head)
    at = (slice(210, 210 + np.ptp(rows) + 1), slice(20, 20 + np.ptp(columns) + 1))
    box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    spliced[at][head[box]] = cat[box][head[box]]
    splice_truth = np.zeros(spliced.shape[:2], bool)
    splice_truth[at] = head[box]

    copied = rocket.copy()
    source = (slice(60, 330), slice(300, 345))
    target = (slice(60, 330), slice(430, 475))
    copied[target] = rocket[source]
    copy_truth = np.zeros(copied.shape[:2], bool)
    copy_truth[target] = True

    hole = _ellipse(astronaut.shape, (420, 110), (85, 120))
    removed = cv2.inpaint(astronaut, hole.astype(np.uint8), 5, cv2.INPAINT_TELEA).astype(np.uint8)

    nothing = np.zeros(cat.shape[:2], bool)
    return [
        Example("splicing", "The cat's head was pasted beside the coffee cup.", _jpeg(spliced), splice_truth),
        Example("copy-move", "The rocket was copied to its right.", _jpeg(copied), copy_truth),
        Example("removal", "The shuttle model behind the astronaut was painted over.", _jpeg(removed), hole),
        Example("pristine", "Nothing was changed; the file was only saved as JPEG.", _jpeg(cat), nothing),
    ]


def _image_tag(picture: Picture, caption: str) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    data = base64.b64encode(file.getvalue()).decode()
    text = html.escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def _section(example: Example, result: Result, pixels: Picture, card: Card) -> str:
    truth = np.repeat(example.truth[..., None].astype(np.uint8) * 255, 3, axis=2)
    forged = example.name != "pristine"
    right = (result.words in ("forged", "suspicious")) == forged
    figures = [
        _image_tag(pixels, "the picture"),
        _image_tag(truth, "where it was changed"),
        _image_tag(overlay(pixels, result.mask, result.level), f"what psccnet found; {legend_line(result)}"),
    ]
    return f"""
<section>
  <h2>{html.escape(example.name.capitalize())}</h2>
  <p>{html.escape(example.story)}</p>
  <p class="verdict {"right" if right else "wrong"}">Verdict: <b>{result.words}</b> ({"right" if right else "wrong"}).
    {html.escape(meaning(result, card))}</p>
  <div class="row">{"".join(figures)}</div>
</section>"""


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>psccnet: demonstration</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
.row {{ display: flex; gap: 1rem; flex-wrap: wrap; }} .row figure {{ flex: 1 1 16rem; }}
figure {{ margin: 0 0 1rem; }} img {{ max-width: 100%; height: auto; border: 1px solid #ccc; }}
figcaption {{ color: #555; font-size: .85rem; }}
.verdict {{ border-left: 4px solid; padding-left: .7rem; }}
.right {{ border-color: #2a7; }} .wrong {{ border-color: #c33; }}
</style>
<h1>psccnet: was this picture manipulated, and where?</h1>
<p>“Forged” means that a part of the picture does not fit the rest. “Nothing found” means that no such trace was seen;
it does not mean “authentic”. Colours go from violet (untouched) to yellow (forged), and a white line encloses the
region that stands out. The true change is shown beside it, so that you can see where psccnet is right and where it is
wrong.</p>
<p>The four pictures were made just now from pictures that come with scikit-image, stored first as a camera stores them
and at last as an editor does; the network was trained on none of them.</p>
{sections} <h2>The report</h2> <p><a href="report.html">The report of these four pictures</a> is made from the
pictures alone, without the true change: psccnet report PICTURE... -o report.html. Weights: {model}.</p> </html>
"""


def write_page(detector: Detector, folder: Path, examples: Sequence[Example] | None = None) -> Path:
    """Run the detector on the examples; write pictures, `index.html` and a report of all examples.

    Args:
        detector: the detector to demonstrate.
        folder: the folder to write to; it is created if missing.
        examples: the pictures to show; those of `make_examples` by default.

    Returns:
        The path of the page.
    """
    make_folder(folder)
    parts, sections = [], []
    for example in examples or make_examples():
        path = folder / f"{example.name}.jpg"
        write_whole({path: example.data})
        decoded = decode(path)
        result = detector.detect(decoded, masks=(1, 2, 3, 4), evidence=True)
        write_pictures(result, decoded.pixels, path)
        parts.append(_section(example, result, decoded.pixels, detector.card))
        sections.append(section_of(replace(result, name=path.name), decoded.pixels, example.data, detector.card))
        print(f"{example.name:<10} {result.words:<13} score {result.score:.3f}", file=sys.stderr)
    page = folder / "index.html"
    text = _PAGE.format(model=html.escape(detector.model), sections="".join(parts))
    write_whole({page: text.encode(), folder / "report.html": report(sections, detector.card, {}).encode()})
    return page


def main() -> None:
    """Write demo/index.html with the bundled weights, and open it in a browser if there is a screen."""
    page = write_page(load_detector(), Path("demo"))
    if os.environ.get("DISPLAY") or sys.platform in ("darwin", "win32"):
        webbrowser.open(page.resolve().as_uri())


if __name__ == "__main__":
    main()
