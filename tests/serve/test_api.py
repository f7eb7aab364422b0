"""The API of a server that runs: the answers are the detector's, and every mistake has a status and a sentence."""

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from psccnet.inference import Detector
from psccnet.inference.attention import Attention, watched
from psccnet.inference.rendering import png
from psccnet.inference.verdict import Judgement
from psccnet.serve.jobs import Options, Outcome
from psccnet.serve.settings import Settings

from ..conftest import texture
from ..report.conftest import CAMERA, COPY_MOVE, NOISE, result_of
from .conftest import PICTURE, Running, grey, until


def read(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


def test_the_answer_is_the_detectors(server: Running, detector: Detector) -> None:
    said = server.detect().json()
    expected = detector.detect(PICTURE)
    for key, value in expected.to_dict().items():
        if key not in ("seconds", "name", "findings"):
            assert said[key] == value, key
    assert (said["name"], said["words"]) == ("photo.png", expected.words)
    assert f"{expected.score:.3f}" in said["meaning"]
    assert ["format", "Portable network graphics"] in said["facts"]
    assert len(said["limits"]) >= 4
    assert server.client.get(f"/v1/results/{said['id']}").json() | {"expires_in": 0} == said | {"expires_in": 0}


def test_json_says_the_same(server: Running) -> None:
    body = {"picture": base64.b64encode(PICTURE).decode(), "evidence": False, "name": "a/b\\c.png"}
    said = server.client.post("/v1/detect", json=body).json()
    form = server.detect(name="a/b\\c.png").json()
    assert said["name"] == form["name"] == "c.png"
    for key in ("score", "sha256", "verdict", "marked_fraction"):
        assert said[key] == form[key]


def test_the_examples_of_the_description_work(server: Running) -> None:
    described = server.client.get("/openapi.json").json()["paths"]
    for path, count in (("/v1/detect", 1), ("/v1/detect/batch", 2)):
        content = described[path]["post"]["requestBody"]["content"]["application/json"]
        answer = server.client.post(path, json=content["schema"]["examples"][0])
        assert answer.status_code == 200, answer.text
        assert len(answer.json().get("results", [0])) == count


def test_choices(server: Running) -> None:
    assert sorted(key for key in server.detect(masks="1,4").json()["links"] if key[-1].isdigit()) == [
        "mask1",
        "mask16",
        "mask4",
    ]
    assert server.detect(exit_scale=3).json()["exit_scale"] == 3
    assert server.detect(exit_scale="auto").status_code == 200
    gated = server.detect(threshold=1, gate="true").json()
    assert (gated["verdict"], gated["localized"], gated["explained"]) == ("pristine", False, [])
    assert server.detect(threshold=0).json()["verdict"] == "forged"


def test_the_drawings(server: Running, detector: Detector) -> None:
    links = server.detect().json()["links"]
    result = detector.detect(PICTURE, masks=(1, 2, 3, 4))
    got = {kind: server.client.get(links[kind]) for kind in ("mask", "mask16", "overlay", "masks", "picture")}
    assert {answer.headers["content-type"] for answer in got.values()} == {"image/png"}
    assert np.abs(read(got["mask16"].content) / 65535 - result.mask).max() < 1e-4
    assert np.array_equal(read(got["picture"].content), texture(5, 60, 90))
    assert read(got["overlay"].content).shape == read(got["mask"].content).shape
    for scale in (1, 2, 3, 4):
        said = server.client.get(links[f"mask{scale}"]).json()
        values = np.frombuffer(base64.b64decode(said["values"]), np.uint8).reshape(said["height"], said["width"])
        assert np.abs(values / 255 - result.masks[scale]).max() < 0.003


@pytest.mark.parametrize("scale", [1, 3])
def test_responses(server: Running, detector: Detector, weights_file: Path, scale: int) -> None:
    here = server.detect().json()["links"]["response"]
    said = server.client.get(here, params={"x": 89, "y": 10, "scale": scale}).json()
    with watched(detector.engine) as given:
        detector.detect(PICTURE)
    expected = Attention(weights_file).spatial(given[scale], scale, (89 / 90, 10 / 60))
    values = np.array(said["values"])
    assert (said["rows"], said["columns"]) == values.shape == expected.shape
    assert np.abs(values - expected / expected.max()).max() < 1e-3
    drawn = server.client.get(here, params={"x": 0, "y": 0, "format": "png", "colours": "jet"})
    assert read(drawn.content).shape == (341, 512, 3)


def test_wrong_questions_about_responses(server: Running) -> None:
    here = server.detect(exit_scale=4).json()["links"]["response"]
    for params, status in (
        ({"x": 90, "y": 0}, 422),
        ({"x": 0, "y": 60}, 422),
        ({"x": -1, "y": 0}, 422),
        ({"x": "left", "y": 0}, 422),
        ({"y": 0}, 422),
        ({"x": 0, "y": 0, "scale": 5}, 422),
        ({"x": 0, "y": 0, "scale": 1}, 404),
        ({"x": 0, "y": 0, "scale": 4}, 200),
    ):
        answer = server.client.get(here, params=params)
        assert answer.status_code == status, params
        assert status == 200 or isinstance(answer.json()["detail"], str)


@pytest.mark.usefixtures("paper")
def test_reports(server: Running) -> None:
    links = server.detect(name="<b>.png").json()["links"]
    page = server.client.get(links["report"])
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in page.headers["content-security-policy"]
    assert "&lt;b&gt;.png" in page.text
    assert server.client.get(links["report"]).text == page.text
    paper = server.client.get(links["paper"])
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")


def test_findings_are_told_and_drawn(server: Running) -> None:
    result = replace(result_of(0.8, (COPY_MOVE, NOISE, CAMERA)), mask=np.empty((0, 0), np.float32))
    kept = server.state.store.add(Outcome(result, result.masks[1], {}), PICTURE, Options())
    said = server.client.get(f"/v1/results/{kept.id}").json()["findings"]
    assert [finding["name"] for finding in said] == ["copy-move", "noise", "metadata"]
    assert said[0]["rate"] == "About one in 2,500 untouched pictures shows as much."
    assert said[0]["regions"][1]["label"] == "target"
    assert read(server.client.get(said[0]["drawing"]).content).shape == (60, 90, 3)
    assert server.client.get(said[1]["drawing"]).status_code == 200
    assert said[2]["drawing"] is None
    for number in (2, 3, 99):
        assert server.client.get(f"/v1/results/{kept.id}/evidence/{number}.png").status_code == 404
    assert COPY_MOVE.how_to_read in server.client.get(f"/v1/results/{kept.id}/report.html").text


def test_a_copy_that_was_found_is_in_the_mask(server: Running) -> None:
    copy = replace(COPY_MOVE, map=np.pad(np.ones((20, 30), np.float32), ((10, 30), (10, 50))))
    judgement = Judgement("forged", 0.001, ("copy-move",))
    result = replace(result_of(0.1, (copy,)), judgement=judgement, mask=np.empty((0, 0), np.float32))
    outcome = Outcome(result, np.full((8, 8), 0.2, np.float32), {}, fused=np.full((6, 9), 0.75, np.float32))
    kept = server.state.store.add(outcome, PICTURE, Options())
    here = f"/v1/results/{kept.id}"
    mask = read(server.client.get(f"{here}/mask16.png").content) / 65535
    assert np.allclose(mask[10:30, 10:40], 0.75, atol=1e-4)
    assert np.allclose(mask[40:], 0.1, atol=1e-4)
    said = server.client.get(here).json()
    assert (said["words"], said["reasons"], said["false_alarms"]) == ("forged", ["copy-move"], 0.001)
    assert server.client.get(said["links"]["mask0"]).json()["width"] == 9


def test_other_traces_are_looked_for(server: Running) -> None:
    said = server.detect(png(texture(2, 80, 100)), evidence=True).json()
    assert {"copy-move", "jpeg-grid"} <= {finding["name"] for finding in said["findings"]}
    assert said["words"] in ("forged", "suspicious", "nothing found")
    assert server.detect(evidence=True).json()["words"] == "no verdict"  # 60 pixels high


def test_several_pictures(server: Running) -> None:
    files = [("pictures", (f"{n}.png", data)) for n, data in enumerate([PICTURE, b"words", grey(7)])]
    said = server.client.post("/v1/detect/batch", files=files, data={"exit_scale": "4"}).json()
    assert [result["name"] for result in said["results"]] == ["0.png", "2.png"]
    assert said["failures"][0]["index"] == 1
    assert "1.png: not a picture" in said["failures"][0]["detail"]
    body = {"pictures": [base64.b64encode(grey(1)).decode()] * 17}
    assert server.client.post("/v1/detect/batch", json=body).status_code == 413


JPEG = {"content-type": "image/jpeg"}
FORM = {"content-type": "multipart/form-data; boundary=x"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("data", "choices", "status", "words"),
    [
        (b"", {}, 422, "the file is empty"),
        (b"words", {}, 422, "photo.png: not a picture"),
        (PICTURE[:500], {}, 422, "photo.png: truncated or damaged"),
        (bytes(200_001), {}, 413, "more than 0.191 MB"),
        (grey(0, 800, 800), {}, 422, "photo.png: 800 x 800 is 0.6 megapixels, more than the limit"),
        (PICTURE, {"bogus": 1}, 422, "bogus: "),
        (PICTURE, {"exit_scale": 5}, 422, "exit_scale"),
        (PICTURE, {"masks": "1,9"}, 422, "masks"),
        (PICTURE, {"threshold": "nan"}, 422, "threshold"),
        (PICTURE, {"gate": "perhaps"}, 422, "gate"),
    ],
)
def test_wrong_pictures_and_choices(server: Running, data: bytes, choices: dict, status: int, words: str) -> None:
    answer = server.detect(data, **choices)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (JPEG, PICTURE, 415),
        ({}, PICTURE, 415),
        (FORM, b"no form", 422),
        ({"content-type": "multipart/form-data"}, b"no boundary", 422),
        (FORM, b"--x\r\ncontent-disposition: form-data; name=other\r\n\r\n1\r\n--x--\r\n", 422),
        (JSON, b"no JSON", 422),
        (JSON, b"[]", 422),
        (JSON, b"{}", 422),
        (JSON, b'{"picture": "no base64!"}', 422),
        (JSON, b'{"picture": ""}', 422),
        (JSON, b'{"picture": 5}', 422),
        (JSON, b'{"picture": "' + b"[" * 5000, 422),
        (JSON, b'{"picture": ' + b"[" * 5000, 422),
        (JSON, b"\xff\xfe", 422),
    ],
)
def test_wrong_requests(server: Running, headers: dict, body: bytes, status: int) -> None:
    for path in ("/v1/detect", "/v1/detect/batch"):
        answer = server.client.post(path, headers=headers, content=body)
        assert answer.status_code == status
        assert isinstance(answer.json()["detail"], str)


def test_results_can_be_deleted(server: Running) -> None:
    said = server.detect().json()
    here = f"/v1/results/{said['id']}"
    assert server.client.delete(here).status_code == 204
    for path in (here, *said["links"].values()):
        answer = server.client.get(path, params={"x": 0, "y": 0} if path.endswith("response") else None)
        assert answer.status_code == 404
    assert server.client.delete(here).status_code == 404


@pytest.fixture
def narrow(server: Running) -> Iterator[Running]:
    """The same server, whose bounds a test may change."""
    before = server.state.settings
    yield server
    server.state.settings = before
    server.state.waiting = 0


def test_a_full_queue_says_when_to_come_again(narrow: Running) -> None:
    narrow.state.waiting = narrow.state.settings.queue
    answer = narrow.detect()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    narrow.state.waiting = 0
    assert narrow.detect().status_code == 200
    assert narrow.state.waiting == 0


@pytest.mark.slow
def test_a_picture_that_takes_too_long_ends_its_process_alone(narrow: Running, settings: Settings) -> None:
    restarts = narrow.state.detection_worker.restarts
    narrow.state.settings = replace(settings, seconds=0.0)
    answer = narrow.detect()
    assert (answer.status_code, answer.json()["detail"]) == (504, "this took longer than 0 s; send a smaller picture.")
    assert until(lambda: narrow.state.detection_worker.restarts > restarts)
    narrow.state.settings = settings
    assert narrow.detect().status_code == 200


def test_health_and_metrics(server: Running, weights_file: Path) -> None:
    assert server.client.get("/healthz").json() == {"status": "ok"}
    assert server.client.get("/readyz").json() == {"status": "ok"}
    assert server.client.get("/v1/model").json()["name"] == "test"
    server.detect()
    text = server.client.get("/metrics").text
    assert 'psccnet_requests_total{method="POST",route="/v1/detect",status="200"}' in text
    assert "psccnet_ready 1" in text


def test_the_page_and_its_files(server: Running) -> None:
    page = server.client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for name in ("app.js", "viewer.js", "style.css", "scales.json", "icon.svg"):
        assert server.client.get(f"/page/{name}").status_code == 200
    for path in ("/page/nothing.js", "/page/..%2fapp.py", "/docs", "/redoc"):
        assert server.client.get(path).status_code == 404
    assert "http" not in page.text.replace("http-equiv", "")


def test_garbage_of_every_kind_is_no_fault(server: Running) -> None:
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    whole = [PICTURE]
    for kind in ("JPEG", "WEBP", "TIFF", "GIF", "BMP"):
        stream = io.BytesIO()
        Image.fromarray(texture(6, 40, 50)).save(stream, kind)
        whole.append(stream.getvalue())
    for number in range(36):
        data = bytearray(whole[number % len(whole)])
        at = rng.integers(0, len(data), 1 + number % 9)
        for place in at:
            data[place] = rng.integers(256)
        cut = bytes(data[: rng.integers(1, len(data))]) if number % 3 == 0 else bytes(data)
        answer = server.detect(cut, exit_scale=4)
        assert answer.status_code in (200, 422), answer.text
    assert server.state.detection_worker.restarts <= 2


def test_with_a_key(keyed_server: Running) -> None:
    assert keyed_server.detect().status_code == 401
    with httpx.Client(base_url=keyed_server.url, headers={"X-API-Key": "secret"}, timeout=60) as client:
        assert client.post("/v1/detect", files={"picture": ("a", PICTURE)}).status_code == 200


def test_the_report_has_the_date_of_the_look(server: Running) -> None:
    before = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    text = server.client.get(server.detect().json()["links"]["report"]).text
    assert f"{before} UTC" in text or datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC") in text
