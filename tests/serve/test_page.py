"""The page in a real browser, as somebody uses it: every function of it, by mouse, keyboard and screen reader."""

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.inference.rendering import png
from psccnet.serve.jobs import Outcome

from ..conftest import texture
from ..report.conftest import CAMERA, COPY_MOVE, NOISE
from .conftest import Running, until

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not here: pip install 'psccnet[dev]'")

AXE = Path(__file__).parent / "axe" / "axe.min.js"

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(browser: "sync_api.Browser", server: Running) -> Iterator["sync_api.Page"]:
    """The page in a fresh window; whatever it complains of in the console, or loads from elsewhere, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    page.on(
        "request",
        lambda asked: (
            complaints.append(asked.url) if not asked.url.startswith((server.url, "blob:", "data:")) else None
        ),
    )
    page.set_default_timeout(30_000)
    page.goto(server.url)
    page.wait_for_selector("html[data-ready]", state="attached")
    yield page
    context.close()
    assert complaints == []


def wait(page: "sync_api.Page", holds: str) -> None:
    """Wait for an expression; Playwright's own way of it is forbidden by the page's Content-Security-Policy."""
    assert until(lambda: page.evaluate(holds)), holds


def file(name: str, data: bytes) -> dict:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def picture(seed: int, height: int = 80, width: int = 120) -> bytes:
    return png(texture(seed, height, width))


@pytest.fixture
def shown(opened: "sync_api.Page") -> "sync_api.Page":
    """The page with one picture looked at."""
    opened.set_input_files("#files", [file("photo.png", picture(5))])
    opened.wait_for_selector("#verdict-word:not(:empty)")
    wait(opened, "document.querySelectorAll('input[name=mask]').length === 5")
    return opened


def drawn(page: "sync_api.Page", canvas: str = "#canvas") -> bytes:
    return base64.b64decode(page.evaluate(f"document.querySelector('{canvas}').toDataURL()").partition(",")[2])


def slide(page: "sync_api.Page", slider: str, value: float) -> None:
    page.evaluate(
        "([id, value]) => { const one = document.querySelector(id); one.value = value;"
        " one.dispatchEvent(new Event('input', { bubbles: true })); }",
        [slider, value],
    )


def click_picture(page: "sync_api.Page", across: float = 0.5, down: float = 0.5) -> None:
    box = page.locator("#canvas").bounding_box()
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def test_the_verdict_in_words(shown: "sync_api.Page", server: Running) -> None:
    said = server.detect(picture(5), evidence=True).json()
    assert shown.inner_text("#verdict-word").lower() == said["words"]
    assert shown.inner_text("#meaning") == said["meaning"]
    assert shown.inner_text("#false-alarms") == said["how_sure"]
    assert shown.get_attribute("#score", "aria-label") == (
        f"Score {said['score']:.3f} on a scale from 0 to 1; the threshold is 0.500."
    )
    assert shown.inner_text("#progress") == "1 of 1 picture done"


def test_a_queue_of_pictures_of_which_one_is_none(opened: "sync_api.Page") -> None:
    files = [file("a.png", picture(1)), file("words.png", b"words"), file("c.png", picture(3))]
    opened.set_input_files("#files", files)
    wait(opened, "document.querySelector('#progress').textContent === '3 of 3 pictures done'")
    assert opened.locator("#queue button").count() == 3
    assert "cannot be looked at" in opened.locator("#queue button").nth(1).inner_text()
    opened.locator("#queue button").nth(1).click()
    assert "words.png: not a picture" in opened.inner_text("#message")
    assert not opened.is_visible("main")
    opened.locator("#queue button").nth(2).click()
    wait(opened, "document.querySelector('#name').textContent === 'c.png'")
    assert opened.is_visible("main")
    assert opened.inner_text("#message") == ""


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_pictures_that_are_dropped_or_pasted(opened: "sync_api.Page", way: str) -> None:
    opened.evaluate(
        """([way, text]) => {
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], "brought.png", { type: "image/png" }));
          const event = way === "drop"
            ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
          document.body.dispatchEvent(event);
        }""",
        [way, base64.b64encode(picture(2)).decode()],
    )
    opened.wait_for_selector("#verdict-word:not(:empty)")
    assert opened.inner_text("#name") == "brought.png"


def test_opacity_and_level_redraw_at_once(shown: "sync_api.Page") -> None:
    before = drawn(shown)
    slide(shown, "#opacity", 0.1)
    faint = drawn(shown)
    assert faint != before
    assert shown.inner_text("#opacity-value") == "10 %"
    slide(shown, "#level", 0)
    everything = shown.inner_text("#legend-words")
    slide(shown, "#level", 1)
    assert shown.inner_text("#legend-words") == "The white line encloses 0.0 % of the picture."
    assert everything != shown.inner_text("#legend-words")
    assert shown.inner_text("#level-value") == "1.00"
    slide(shown, "#opacity", 0)
    bare = drawn(shown)
    shown.check("#side")
    shown.uncheck("#side")
    assert drawn(shown) == bare


def test_side_by_side_zoom_and_pan(shown: "sync_api.Page") -> None:
    slide(shown, "#opacity", 0)
    slide(shown, "#level", 1)
    assert not shown.is_visible("#plain")
    shown.check("#side")
    assert shown.is_visible("#plain")
    assert drawn(shown) == drawn(shown, "#plain")
    fitted = drawn(shown)
    shown.click("#in")
    near = drawn(shown)
    assert near != fitted
    box = shown.locator("#canvas").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    shown.mouse.move(*middle)
    shown.mouse.down()
    shown.mouse.move(middle[0] + 60, middle[1] + 20, steps=4)
    shown.mouse.up()
    assert drawn(shown) != near
    assert shown.is_checked("input[name=mode][value=mask]")  # a drag is no click
    shown.mouse.wheel(0, -4000)
    assert drawn(shown) == drawn(shown, "#plain")
    shown.click("#pixels")
    shown.click("#fit")
    assert drawn(shown) == fitted


def test_coarse_to_fine(shown: "sync_api.Page") -> None:
    finest = drawn(shown)
    shown.check("input[name=mask][value='4']")
    coarsest = drawn(shown)
    assert coarsest != finest
    shown.click("#play")
    assert shown.get_attribute("#play", "aria-pressed") == "true"
    assert shown.is_checked("input[name=mask][value='4']")
    wait(shown, "document.querySelector('input[name=mask][value=\"2\"]').checked")
    wait(shown, "document.querySelector('#play').getAttribute('aria-pressed') === 'false'")
    assert shown.is_checked("input[name=mask][value='0']")  # with other traces
    assert drawn(shown) == finest


def test_click_a_pixel_and_see_what_it_is_related_to(shown: "sync_api.Page") -> None:
    before = drawn(shown)
    click_picture(shown, 0.3, 0.6)
    wait(shown, "document.querySelector('#at').textContent.includes('places that scale 3')")
    assert shown.is_checked("input[name=mode][value=response]")
    first = drawn(shown)
    assert first != before
    shown.select_option("#scale", "1")
    wait(shown, "document.querySelector('#at').textContent.includes('places that scale 1')")
    finer = drawn(shown)
    assert finer != first
    shown.select_option("#colours", "jet")
    wait(shown, "!document.querySelector('#at').textContent.includes('asking')")
    assert drawn(shown) != finer
    shown.check("input[name=mode][value=mask]")
    assert drawn(shown) == before


def test_everything_by_keyboard(shown: "sync_api.Page") -> None:
    shown.focus("#canvas")
    fitted = drawn(shown)
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("ArrowDown")
    assert shown.inner_text("#at").startswith("Cursor at 63, 43")
    shown.keyboard.press("Enter")
    wait(shown, "document.querySelector('#at').textContent.startsWith('Pixel 63, 43: the places')")
    shown.keyboard.press("+")
    shown.keyboard.press("Shift+ArrowLeft")
    shown.keyboard.press("-")
    shown.keyboard.press("0")
    shown.keyboard.press("Escape")
    assert shown.is_checked("input[name=mode][value=mask]")
    assert drawn(shown) == fitted
    shown.focus("#tab-evidence")
    shown.keyboard.press("ArrowRight")
    assert shown.is_visible("#panel-file")
    shown.keyboard.press("End")
    assert shown.is_visible("#panel-save")
    assert not shown.is_visible("#panel-file")
    assert shown.evaluate("document.activeElement.id") == "tab-save"


def test_the_files_facts_and_the_limits(shown: "sync_api.Page", server: Running) -> None:
    said = server.detect(picture(5), evidence=True).json()
    shown.click("#tab-file")
    facts = shown.inner_text("#facts")
    assert said["sha256"] in facts
    assert "Portable network graphics" in facts
    shown.click("#tab-limits")
    assert shown.locator("#limits li").count() == len(said["limits"])


@pytest.mark.usefixtures("paper")
def test_files_are_saved(shown: "sync_api.Page") -> None:
    shown.click("#tab-save")
    begins = {"report.html": b"<!doctype", "report.pdf": b"%PDF", "overlay.png": b"\x89PNG", "mask.png": b"\x89PNG",
              "mask16.png": b"\x89PNG", "masks.png": b"\x89PNG", "result.json": b"{"}  # fmt: skip
    assert shown.locator("#saves button").count() == len(begins)
    for ending, start in begins.items():
        with shown.expect_download() as saving:
            shown.click(f"button[data-saves='{ending}']")
        assert saving.value.suggested_filename == f"photo.{ending}"
        assert Path(saving.value.path()).read_bytes().startswith(start)


def test_deleting(shown: "sync_api.Page", server: Running) -> None:
    before = len(server.state.store)
    shown.click("#tab-save")
    shown.click("#delete")
    shown.wait_for_selector("main", state="hidden")
    assert len(server.state.store) == before - 1
    assert shown.locator("#queue button").count() == 0


def test_options_go_with_the_next_pictures(opened: "sync_api.Page") -> None:
    opened.click(".options summary")
    opened.fill("#wanted-threshold", "0")
    opened.select_option("#wanted-exit", "4")
    opened.set_input_files("#files", [file("photo.png", picture(5))])
    opened.wait_for_selector("#verdict-word:not(:empty)")
    assert opened.inner_text("#verdict-word") == "Forged"
    wait(opened, "document.querySelectorAll('input[name=mask]').length === 2")
    assert opened.is_disabled("#scale option[value='1']")


@pytest.fixture
def with_findings(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is looked at has three findings of other traces."""
    keep = server.state.store.add

    def add(outcome: Outcome, *rest: object) -> object:
        result = replace(outcome.result, findings=(COPY_MOVE, NOISE, CAMERA))
        return keep(replace(outcome, result=result), *rest)

    monkeypatch.setattr(server.state.store, "add", add)


@pytest.mark.usefixtures("with_findings")
def test_other_traces(shown: "sync_api.Page") -> None:
    part = shown.locator("#panel-evidence")
    words = part.inner_text()
    for sentence in (
        "Copied parts: speaks for a manipulation",
        "A part of the picture appears twice <b>. About one in 2,500 untouched pictures shows as much.",
        "How to read it: Textures have noise, too.",
        "Source: Somebody, 2020",
        "The file names no camera.",
    ):
        assert sentence in words
    assert part.locator("img").count() == 2
    wait(shown, "[...document.querySelectorAll('#panel-evidence img')].every((one) => one.naturalWidth > 0)")


def test_pictures_that_the_browser_cannot_read(opened: "sync_api.Page", tmp_path: Path) -> None:
    Image.fromarray(texture(8, 60, 90)).save(tmp_path / "scan.tiff")
    opened.set_input_files("#files", [str(tmp_path / "scan.tiff")])
    # Below 64 pixels a side no other trace weighs in the mask.
    wait(opened, "document.querySelectorAll('input[name=mask]').length === 4")
    slide(opened, "#opacity", 0)
    with Image.open(io.BytesIO(drawn(opened))) as canvas:
        assert np.asarray(canvas.convert("RGB")).std() > 20


SERIOUS = ("serious", "critical")


@pytest.mark.usefixtures("with_findings")
def test_nothing_bars_people_from_it(shown: "sync_api.Page") -> None:
    shown.evaluate(AXE.read_text())
    look: Callable[[], list] = lambda: [  # noqa: E731
        (found["id"], [node["html"] for node in found["nodes"]])
        for found in shown.evaluate("axe.run()")["violations"]
        if found["impact"] in SERIOUS
    ]
    # Both widths and both schemes: contrasts do not depend on the width.
    for width, scheme in ((1280, "light"), (390, "dark")):
        shown.emulate_media(color_scheme=scheme)
        shown.set_viewport_size({"width": width, "height": 844})
        shown.check("input[name=mode][value=mask]")
        for tab in ("evidence", "file", "limits", "save"):
            shown.click(f"#tab-{tab}")
            assert look() == []
        shown.check("input[name=mode][value=response]")
        assert look() == []
        assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_the_key_is_asked_for(browser: "sync_api.Browser", keyed_server: Running) -> None:
    page = browser.new_page()
    page.goto(keyed_server.url)
    page.wait_for_selector("html[data-ready]", state="attached")
    page.set_input_files("#files", [file("photo.png", picture(5))])
    page.fill("#key", "secret")
    page.click("#key-dialog button")
    page.wait_for_selector("#verdict-word:not(:empty)")
    wait(page, "document.querySelectorAll('input[name=mask]').length === 5")
    page.close()
