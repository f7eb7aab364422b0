"""`psccnet serve` as a new user types it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from psccnet.serve import running

from .conftest import Run


@pytest.mark.slow
def test_it_starts_says_where_and_ends_with_ctrl_c(weights_file: Path) -> None:
    words = ["serve", "--port", "0", "--weights", weights_file, "--device", "cpu", "--backend", "openvino"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "psccnet", *map(str, words)]
    # Tests themselves may run where Ctrl-C is ignored.
    started = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert started.stdout is not None
    url = started.stdout.readline().strip()
    assert url.startswith("http://127.0.0.1:")
    assert httpx.get(f"{url}readyz", timeout=60).json()["status"] in ("ok", "starting")
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=30)
    assert (started.returncode, out) == (0, "")
    assert "psccnet: Ctrl-C ends it; results are then deleted." in err
    assert "GET /readyz" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "0.0.0.0"], "psccnet: --host 0.0.0.0 lets other machines in: set the variable PSCCNET_API_KEY"),
        (["--weights", "nowhere"], "psccnet: nowhere is neither a bundled name"),
        (["--weights", "FOLDER"], "a server needs weights with a card: psccnet weights import makes them\n"),
        (["--host", "300.1.2.3", "--host-name", "a"], "psccnet: --host 300.1.2.3 lets other machines in"),
        (["--port", "70000"], 'Invalid value "70000" for --port'),
        (["--queue", "0"], "--queue"),
        (["photo.jpg"], "photo.jpg"),
    ],
)
def test_wrong_usage(psccnet: Run, tmp_path: Path, words: list[str], message: str) -> None:
    done = psccnet("serve", *(tmp_path if word == "FOLDER" else word for word in words))
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_port_that_is_taken(psccnet: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = psccnet("serve", "--port", port)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"psccnet: 127.0.0.1:{port}: cannot be listened on (")
    assert done.err.endswith("; try another --port\n")


def test_without_the_extra(psccnet: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find_spec", lambda name: None if name == "fastapi" else object())
    assert psccnet("serve").err == "psccnet: the page needs FastAPI: pip install 'psccnet[serve]'\n"
