"""What is turned away before it is looked at."""

import asyncio
import logging
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from psccnet.serve.counts import Counts
from psccnet.serve.gate import Gate
from psccnet.serve.settings import Settings

SETTINGS = Settings(max_bytes=1000, upload_seconds=0.2)
LOCAL = {"host": "localhost:8000"}


def ask(
    headers: dict[str, str],
    method: str = "GET",
    path: str = "/v1/model",
    settings: Settings = SETTINGS,
    body: tuple[bytes, ...] = (),
    pause: float = 0,
) -> tuple[int, dict[str, str], bytes]:
    """Put one request to a gate whose application answers 200 with what it was sent."""
    parts = list(body) or [b""]
    answers: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        whole = b""
        while True:
            message = await receive()
            whole += message["body"]
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": whole})

    async def receive() -> Any:
        await asyncio.sleep(pause)
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    }
    asyncio.run(Gate(app, settings, Counts())(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in answers[0]["headers"]}
    return answers[0]["status"], found, answers[1]["body"]


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "LOCALHOST"])
def test_its_own_names(host: str) -> None:
    assert ask({"host": host})[0] == 200


@pytest.mark.parametrize("host", ["", "evil.example", "localhost.evil.example", "[::1", "127.0.0.1.nip.io", "\xff"])
def test_other_names_are_refused(host: str) -> None:
    status, _, body = ask({"host": host})
    assert status == 421
    assert b"does not answer to that host name" in body


def test_a_name_that_was_given_to_it() -> None:
    settings = Settings(hosts=("fakes.example",))
    assert ask({"host": "fakes.example:80"}, settings=settings)[0] == 200
    assert ask(LOCAL, settings=settings)[0] == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_from_elsewhere_may_not_post(headers: dict[str, str]) -> None:
    assert ask(LOCAL | headers, "POST", "/v1/detect")[0] == 403


def test_the_page_itself_may() -> None:
    own = {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"}
    assert ask(LOCAL | own, "POST", "/v1/detect")[0] == 200
    assert ask(LOCAL | {"sec-fetch-site": "cross-site"})[0] == 200  # a link that is followed


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-api-key": "wrong"}, 401),
        ({"x-api-key": "\xe4"}, 401),
        ({"x-api-key": "secret"}, 200),
        ({"authorization": "Bearer secret"}, 200),
    ],
)
def test_the_key(headers: dict[str, str], status: int) -> None:
    settings = Settings(api_key="secret")
    found, told, _ = ask(LOCAL | headers, settings=settings)
    assert (found, "www-authenticate" in told) == (status, status == 401)
    assert ask(LOCAL, path="/healthz", settings=settings)[0] == 200
    assert ask(LOCAL, path="/page/app.js", settings=settings)[0] == 200


def test_bodies_are_bounded() -> None:
    post = ("POST", "/v1/detect")
    assert ask(LOCAL, *post, body=(b"x" * 900, b"y" * 100))[2] == b"x" * 900 + b"y" * 100
    limit = SETTINGS.body_limit("/v1/detect")
    assert ask(LOCAL, *post, body=(b"x" * limit,))[0] == 200
    assert ask(LOCAL, *post, body=(b"x" * limit, b"y"))[0] == 413
    for length in (str(limit + 1), "-1", "many", "\xb2"):
        assert ask(LOCAL | {"content-length": length}, *post)[0] == 413
    assert ask(LOCAL, body=(b"x" * 20_000,))[0] == 413
    assert ask(LOCAL, "POST", "/v1/detect/batch", body=(b"x" * 2 * limit,))[0] == 413
    assert ask(LOCAL, "POST", "/v1/detect/batch", body=(b"x" * 4000,))[0] == 200


def test_slow_uploads_are_cut_off() -> None:
    assert ask(LOCAL, "POST", "/v1/detect", body=(b"x",) * 4, pause=0.01)[0] == 200
    status, headers, _ = ask(LOCAL, "POST", "/v1/detect", body=(b"x",) * 40, pause=0.05)
    assert (status, headers["connection"]) == (408, "close")


def test_a_caller_that_goes_away_is_no_fault() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ClientDisconnect

    async def unused(*_: Any) -> Any:
        raise AssertionError

    counts = Counts()
    scope = {"type": "http", "method": "POST", "path": "/v1/detect", "headers": [(b"host", b"localhost")]}
    asyncio.run(Gate(app, SETTINGS, counts)(scope, unused, unused))
    assert 'status="499"} 1' in counts.text({})


def test_every_answer_is_guarded() -> None:
    for headers in (ask(LOCAL)[1], ask({"host": "evil.example"})[1]):
        assert headers["x-content-type-options"] == "nosniff"
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_the_log_has_no_path(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "psccnet.serve"):
        ask(LOCAL, path="/v1/results/secret-id/mask.png")
    assert "200" in caplog.text
    assert "secret-id" not in caplog.text
