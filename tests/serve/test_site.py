"""The page without a server, in a real browser: what it says is what psccnet says, and what it cannot read it names."""

import base64
import functools
import io
import json
import struct
import threading
import zlib
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from psccnet.errors import InputError
from psccnet.inference import Detector, load_detector
from psccnet.inference.attention import Attention, watched
from psccnet.inference.region import region_level
from psccnet.inference.rendering import png
from psccnet.inference.verdict import judge
from psccnet.pictures.decoding import decode
from psccnet.report.sentences import SENTENCES, missed
from psccnet.serve import site
from psccnet.serve.browser_runtime import runtime_files
from psccnet.weights import Card, save
from psccnet.weights.calibration import Calibration
from psccnet.weights.mask_calibration import MaskCalibration

from ..conftest import network_as_trained, texture
from .conftest import until

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not here: pip install 'psccnet[dev]'")
pytestmark = pytest.mark.slow

CLOSE = 1e-2
CALIBRATION = Calibration(
    scores={"small": [0.2, 0.4, 0.6, 0.7, 0.8, 0.9, None], "medium": [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9]},
    pictures={"small": 120, "medium": 250, "large": 3},
)


class Hosted(NamedTuple):
    url: str
    weights: Path
    detector: Detector


class Handler(SimpleHTTPRequestHandler):
    """A static host with the two headers that threads need."""

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    folder = tmp_path_factory.mktemp("site")
    weights = folder / "small.safetensors"
    card = Card(
        name="small",
        threshold=0.5,
        calibration=CALIBRATION,
        mask_calibration=MaskCalibration(slope=1.3, offset=0.4, level=0.4),
    )
    save(network_as_trained(detection="contrast", stem="unshuffled"), weights, card)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "TILE_CELLS", 206 * 61)  # so that a small picture is cut
        patch.setattr(site, "STEM_CELLS", 56 * 56)
        try:
            site.write_site(folder / "site", weights, None, 500_000)
        except InputError as error:
            pytest.skip(f"the page without a server is not tested: {error}")
    host = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder / "site")))
    thread = threading.Thread(target=host.serve_forever)
    thread.start()
    yield Hosted(f"http://127.0.0.1:{host.server_port}", weights, load_detector(weights, precision="float32"))
    host.shutdown()
    thread.join()
    host.server_close()


@pytest.fixture(scope="module")
def page(browser: "sync_api.Browser", hosted: Hosted) -> Iterator["sync_api.Page"]:
    """One window for all tests; whatever it complains of, or loads from elsewhere, fails them."""
    context = browser.new_context(accept_downloads=True)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    context.on(
        "request",
        lambda asked: (
            complaints.append(asked.url) if not asked.url.startswith((hosted.url, "blob:", "data:")) else None
        ),
    )
    opened.set_default_timeout(60_000)
    opened.goto(hosted.url)
    opened.wait_for_selector("html[data-ready]", state="attached")
    yield opened
    context.close()
    assert complaints == []


def looked_at(page: "sync_api.Page", data: bytes, **choices: str) -> dict[str, Any]:
    """What the page's modules say of a file: the result, its masks, and what one pixel is related to."""
    return page.evaluate(
        """async ([text, choices]) => {
          const results = await import(new URL("page/results.js", document.baseURI));
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          const result = await results.detect(new File([bytes], "photo.jpg"), { exit_scale: "1", ...choices });
          const plain = (map) => ({ ...map, values: [...map.values] });
          const masks = {};
          for (const scale of results.scales(result)) masks[scale] = plain(await results.mask(result, scale));
          const responses = {};
          for (const scale of result.explained) responses[scale] = plain(await results.response(result, scale, 20, 30));
          await results.remove(result);
          return { result, masks, responses };
        }""",
        [base64.b64encode(data).decode(), choices],
    )


def values(told: dict[str, Any]) -> NDArray[np.float64]:
    return np.array(told["values"]).reshape(told["height"], told["width"]) / 255


def jpeg(pixels: NDArray[np.uint8], orientation: int = 1, mode: str = "RGB") -> bytes:
    stream, exif = io.BytesIO(), Image.Exif()
    exif[274] = orientation
    Image.fromarray(pixels).convert(mode).save(stream, "JPEG", quality=90, exif=exif)
    return stream.getvalue()


def with_alpha() -> bytes:
    pixels = texture(6, 90, 120)
    return png(np.dstack([pixels, np.linspace(0, 255, 120, dtype=np.uint8)[None].repeat(90, axis=0)]))


def with_a_profile() -> bytes:
    """A JPEG whose colour profile has red and blue exchanged, which nobody is to heed."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)
    stream = io.BytesIO()
    Image.fromarray(texture(10, 70, 80)).save(stream, "JPEG", quality=95, icc_profile=profile)
    return stream.getvalue()


def with_a_gamma() -> bytes:
    """A PNG that says that its values are linear, which nobody is to heed."""
    data = png(texture(11, 70, 80))
    chunk = b"gAMA" + struct.pack(">I", 100_000)
    return data[:33] + struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


FILES = {
    "turned on its side": jpeg(texture(5, 100, 151), orientation=6),
    "in tiles, odd": png(texture(7, 449, 121)),
    "transparent": with_alpha(),
    "with a profile": with_a_profile(),
    "with a gamma": with_a_gamma(),
    "grey": png(texture(9, 70, 81)[..., 0]),
}


@pytest.mark.parametrize("name", FILES)
def test_the_browser_says_what_psccnet_says(page: "sync_api.Page", hosted: Hosted, name: str) -> None:
    data = FILES[name]
    decoded = decode(data)
    with watched(hosted.detector.engine) as given:
        result = hosted.detector.detect(decoded, masks=(1, 2, 3, 4))
    height, width = decoded.pixels.shape[:2]
    told = looked_at(page, data)
    said = told["result"]
    assert (said["width"], said["height"], said["sha256"]) == (width, height, result.sha256)
    assert said["score"] == pytest.approx(result.score, abs=CLOSE)
    for scale in range(1, 5):
        assert np.abs(values(told["masks"][str(scale)]) - result.masks[scale]).max() < CLOSE
    assert said["forged_fraction"] == pytest.approx(result.forged_fraction, abs=CLOSE)
    attention = Attention(hosted.weights)
    for scale in range(1, 5):
        row = attention.spatial(given[scale], scale, (20 / width, 30 / height))
        assert np.abs(values(told["responses"][str(scale)]) - row / row.max()).max() < CLOSE


def test_the_words_are_psccnets(page: "sync_api.Page", hosted: Hosted) -> None:
    data = FILES["grey"]
    for threshold in (None, 0.0, 1.0):
        choices = {} if threshold is None else {"threshold": str(threshold)}
        said = looked_at(page, data, **choices)["result"]
        limit = 0.5 if threshold is None else threshold
        judgement = judge(said["score"], limit, (70, 81), (), CALIBRATION if threshold is None else None)
        assert (said["words"], said["reasons"]) == (judgement.words, list(judgement.reasons))
        assert said["false_alarms"] == pytest.approx(judgement.false_alarms)
        assert said["how_sure"].startswith("Of untouched" if threshold is None else "How many untouched")
        assert f"{said['score']:.3f}" in said["meaning"]
        if judgement.reasons:
            assert SENTENCES["no_proof"] in said["meaning"]
            mask = hosted.detector.engine(decode(data).pixels).masks[1]
            level = hosted.detector.card.mask_calibration(np.array([region_level(mask)], np.float32))[0]
            assert said["level"] == pytest.approx(level, abs=CLOSE)
        else:
            assert SENTENCES["network_says_nothing"] in said["meaning"]
            assert missed(hosted.detector.card) in said["meaning"]


@pytest.mark.parametrize("choice", ["4", "auto"])
def test_the_finest_mask_is_a_choice(page: "sync_api.Page", hosted: Hosted, choice: str) -> None:
    wanted = hosted.detector.detect(FILES["grey"], masks=(1, 2, 3, 4), exit_scale=4 if choice == "4" else "auto")
    told = looked_at(page, FILES["grey"], exit_scale=choice)
    assert told["result"]["exit_scale"] == wanted.exit_scale
    assert set(told["masks"]) == {str(scale) for scale in wanted.masks}
    assert set(told["responses"]) == set(told["masks"])


def test_a_threshold_that_is_none(page: "sync_api.Page") -> None:
    with pytest.raises(sync_api.Error, match="a number from 0 to 1"):
        looked_at(page, FILES["grey"], threshold="7")


def test_verdicts_of_all_sizes_and_scores(page: "sync_api.Page", hosted: Hosted) -> None:
    scores = [round(score, 3) for score in np.linspace(0, 1, 41)]
    sizes = [(63, 200), (64, 64), (199, 500), (200, 200), (700, 900)]
    asked = [(score, size, calibrated) for score in scores for size in sizes for calibrated in (True, False)]
    told = page.evaluate(
        """async (asked) => {
          const { judge } = await import(new URL("page/verdict.js", document.baseURI));
          const model = await (await fetch("model/model.json")).json();
          return asked.map(([score, [height, width], calibrated]) =>
            judge(model, score, model.threshold, calibrated ? model.calibration : null, width, height));
        }""",
        asked,
    )
    for (score, size, calibrated), said in zip(asked, told, strict=True):
        wanted = judge(score, 0.5, size, (), CALIBRATION if calibrated else None)
        assert (said["words"], said["reasons"], said["note"]) == (wanted.words, list(wanted.reasons), wanted.note)
        assert said["falseAlarms"] == (
            None if wanted.false_alarms is None else pytest.approx(wanted.false_alarms, abs=1e-8)
        )


def refused() -> dict[str, tuple[bytes, str]]:
    pixels = texture(4, 80, 100)
    webp, gif = io.BytesIO(), io.BytesIO()
    Image.fromarray(pixels).save(webp, "WEBP")
    Image.fromarray(pixels).save(gif, "GIF")
    damaged = "cut off or damaged"
    return {
        "cut JPEG": (jpeg(pixels)[:-700], damaged),
        "cut PNG": (png(pixels)[:-700], damaged),
        "cut WebP": (webp.getvalue()[:-100], damaged),
        "JPEG of noise": (jpeg(pixels)[:200] + bytes(500) + b"\xff\xd9", damaged),
        "CMYK": (jpeg(pixels, mode="CMYK"), "CMYK"),
        "GIF": (gif.getvalue(), "reads JPEG, PNG and WebP"),
        "words": (b"these are words, and many of them", "reads JPEG, PNG and WebP"),
        "nothing": (b"", "the file is empty"),
        "large": (png(np.zeros((1000, 600, 3), np.uint8)), "0.6 megapixels"),
    }


@pytest.mark.parametrize("kind", refused())
def test_what_the_browser_cannot_read_is_named(page: "sync_api.Page", kind: str) -> None:
    data, reason = refused()[kind]
    with pytest.raises(sync_api.Error, match=reason):
        looked_at(page, data)


def test_the_page_itself(page: "sync_api.Page", tmp_path: Path) -> None:
    picture = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": FILES["turned on its side"]}
    page.set_input_files("#files", [picture])
    page.wait_for_selector("#verdict-word:not(:empty)")
    assert "No picture leaves this browser" in page.inner_text("header")
    assert not page.is_visible("#wanted-evidence")
    assert page.locator("input[name=mask]").count() == 4
    assert "psccnet serve" in page.inner_text("#panel-evidence")
    page.click("#canvas")
    assert until(lambda: "places that scale 3" in page.inner_text("#at"))
    page.click("#tab-limits")
    assert "Damage inside a JPEG" in page.inner_text("#limits")
    page.click("#tab-save")
    for ending in ("overlay.png", "mask.png", "result.json"):
        with page.expect_download() as saving:
            page.click(f"button[data-saves='{ending}']")
        saved = Path(saving.value.path()).read_bytes()
        if ending == "result.json":
            assert json.loads(saved)["width"] == 100
        else:
            with Image.open(io.BytesIO(saved)) as drawing:
                assert drawing.size == (100, 151)
    page.click("#delete")
    page.wait_for_selector("main", state="hidden")


def test_a_browser_that_computes_otherwise_says_so(browser: "sync_api.Browser", hosted: Hosted) -> None:
    context = browser.new_context()
    opened = context.new_page()

    def change(route: "sync_api.Route") -> None:
        model = route.fetch().json()
        model["check"]["mask4"][5] += 0.02
        route.fulfill(json=model)

    context.route("**/model.json", change)
    opened.goto(hosted.url)
    opened.wait_for_selector("html[data-ready]", state="attached")
    opened.set_input_files("#files", [{"name": "a.png", "mimeType": "image/png", "buffer": FILES["grey"]}])
    assert until(lambda: "computes other numbers than psccnet" in opened.inner_text("#message"), 60)
    context.close()


def test_a_runtime_that_is_another_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "onnxruntime-web.tgz"
    package.write_bytes(b"another version")
    with pytest.raises(InputError, match=r"is not onnxruntime-web 1\.\d+\.\d+ as the npm registry has it"):
        runtime_files(package)
    for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"):
        (tmp_path / name).write_bytes(b"another")
    with pytest.raises(InputError, match=r"its ort\.wasm\.min\.mjs is not that of"):
        runtime_files(tmp_path)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(InputError, match=r"npm, which downloads .* is not installed: run `npm pack"):
        runtime_files(None)
