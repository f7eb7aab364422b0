"""A server on a free port with the small weights, and results with findings that nobody had to find."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx
import numpy as np
import pytest
import uvicorn

from psccnet.inference.rendering import png
from psccnet.serve.app import make_app
from psccnet.serve.connections import HeaderTimeLimit
from psccnet.serve.running import listen
from psccnet.serve.settings import Settings
from psccnet.serve.state import State
from psccnet.weights.card import read_card

from ..conftest import texture

if TYPE_CHECKING:
    from playwright import sync_api

PICTURE = png(texture(5, 60, 90))
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    """Chromium without a window; not for the session, since Playwright's event loop would stand in others' way."""
    if CHROMIUM is None:
        pytest.skip("the page is not tested without Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    # A sandbox needs a user of its own, which root in a container has not.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


class Running(NamedTuple):
    url: str
    state: State
    client: httpx.Client

    def detect(self, data: bytes = PICTURE, name: str = "photo.png", **choices: object) -> httpx.Response:
        # Below 64 pixels a side, with other traces there is no verdict.
        form = {key: str(value) for key, value in ({"evidence": False} | choices).items()}
        return self.client.post("/v1/detect", files={"picture": (name, data)}, data=form)


@contextmanager
def running(settings: Settings, weights: Path) -> Iterator[Running]:
    state = State(settings, read_card(weights))
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(state), http=HeaderTimeLimit, log_level="error", access_log=False, timeout_graceful_shutdown=2
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        assert state.detection_worker.wait(60)
        assert state.drawing_worker.wait(60)
        with httpx.Client(base_url=url, timeout=60) as client:
            yield Running(url, state, client)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="session")
def settings(weights_file: Path) -> Settings:
    return Settings(weights=str(weights_file), device="cpu", precision="float32", max_bytes=200_000, max_pixels=500_000)


@pytest.fixture(scope="session")
def server(settings: Settings, weights_file: Path) -> Iterator[Running]:
    with running(settings, weights_file) as started:
        yield started


@pytest.fixture(scope="session")
def keyed_server(settings: Settings, weights_file: Path) -> Iterator[Running]:
    """One that wants the key "secret"."""
    with running(replace(settings, api_key="secret"), weights_file) as started:
        yield started


def until(holds: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait for something to hold."""
    ends = time.monotonic() + seconds
    while not holds() and time.monotonic() < ends:
        time.sleep(0.05)
    return holds()


def grey(value: int, height: int = 30, width: int = 40) -> bytes:
    return png(np.full((height, width, 3), value, np.uint8))
