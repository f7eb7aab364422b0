"""Connections on which no whole request begins are closed, and others are left alone."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from psccnet.serve.connections import HeaderTimeLimit
from psccnet.serve.running import listen

SECONDS = 0.5


class Hasty(HeaderTimeLimit):
    header_seconds = SECONDS


async def slow_app(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(3 * SECONDS)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listening = listen("127.0.0.1", 0)
    config = uvicorn.Config(slow_app, http=Hasty, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()
    listening.close()


def received(connection: socket.socket) -> bytes:
    """What comes next; b"" where the other side closed."""
    with contextlib.suppress(ConnectionError):
        return connection.recv(1000)
    return b""


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_heads_that_do_not_end(port: int, start: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        began = time.monotonic()
        connection.settimeout(0.1)
        closed = False
        while not closed and time.monotonic() - began < 20:
            with contextlib.suppress(ConnectionError):
                connection.sendall(start)  # a byte now and then does not help
            with contextlib.suppress(TimeoutError):
                closed = received(connection) == b""
        assert closed
        assert time.monotonic() - began >= SECONDS


def test_slow_answers_and_the_next_request(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert received(connection).startswith(b"HTTP/1.1 204")
        assert received(connection) == b""  # and then it is closed, too
