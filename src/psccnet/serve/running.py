"""Start a server, print its address, and run it until it is interrupted."""

import contextlib
import socket
import sys
from importlib.util import find_spec

from psccnet.errors import InputError
from psccnet.serve.settings import LOCAL_NAMES, Settings
from psccnet.weights.card import Card, verify
from psccnet.weights.reading import inside, resolve

CONNECTIONS = 256
"""Most connections at a time; uvicorn answers 503 to further ones."""
START_SECONDS = 120.0


def check(settings: Settings, host: str) -> Card:
    """Check that a server can start, before starting anything.

    Returns:
        The card of its weights.

    Raises:
        InputError: if the extra is not installed, or others are let in without a key or a name.
        WeightsError: if the weights cannot be read.
    """
    if any(find_spec(module) is None for module in ("fastapi", "uvicorn", "python_multipart")):
        raise InputError("the page needs FastAPI: pip install 'psccnet[serve]'")
    if host not in LOCAL_NAMES and (not settings.api_key or settings.hosts == LOCAL_NAMES):
        raise InputError(
            f"--host {host} lets other machines in: set the variable PSCCNET_API_KEY to a long secret, and name this"
            " machine with --host-name; or leave --host out"
        )
    path = inside(resolve(settings.weights))
    if path.is_dir():
        raise InputError(f"{path}: a server needs weights with a card: psccnet weights import makes them")
    return verify(path)


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket, so that the port is taken before the rest starts.

    Raises:
        InputError: if the address or the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(CONNECTIONS)
    except OSError as error:
        made.close()
        reason = error.strerror or error
        raise InputError(f"{host}:{port}: cannot be listened on ({reason}); try another --port") from error
    return made


def run(settings: Settings, host: str, port: int) -> None:
    """Serve until interrupted.

    Raises:
        InputError: if it cannot start.
        WeightsError: if the weights cannot be read.
    """
    card = check(settings, host)
    from psccnet.serve.state import State

    with listen(host, port) as listening:
        state = State(settings, card)
        try:
            # Imported while the processes start, which takes as long.
            import uvicorn

            from psccnet.serve.app import make_app
            from psccnet.serve.connections import HeaderTimeLimit

            config = uvicorn.Config(
                make_app(state),
                http=HeaderTimeLimit,
                log_level="warning",
                access_log=False,  # it would hold the ids of results
                server_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=3,
            )
            if not state.detection_worker.wait(START_SECONDS):
                raise InputError("the network did not start within two minutes; see the log above")
            name = f"[{host}]" if ":" in host else host
            print(f"http://{name}:{listening.getsockname()[1]}/", flush=True)
            print("psccnet: Ctrl-C ends it; results are then deleted.", file=sys.stderr)
            # Ctrl-C is how a server is ended, and uvicorn raises it again when all is closed.
            with contextlib.suppress(KeyboardInterrupt):
                uvicorn.Server(config).run(sockets=[listening])
        finally:
            state.close()
