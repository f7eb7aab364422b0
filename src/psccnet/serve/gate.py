"""Checks before every request: host name, origin, API key, size, and time to arrive."""

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect

from psccnet.serve.counts import Counts
from psccnet.serve.settings import Settings

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

GONE = 499
"""Status that is counted when a client disconnects before its request has arrived; nothing is sent."""
CHANGES = ("POST", "PUT", "PATCH", "DELETE")
OPEN = ("/", "/healthz", "/readyz", "/favicon.ico")
"""Paths that need no key, like the page's files: they reveal nothing about any picture."""
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


class _Refused(Exception):
    """A request is refused."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Gate:
    """ASGI middleware with the checks.

    Args:
        app: behind it.
        settings: whom and what to let in.
        counts: told of every answer.
    """

    def __init__(self, app: App, settings: Settings, counts: Counts) -> None:
        self._app = app
        self._settings = settings
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500
        begun = False

        async def answer(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                known = {name.lower() for name, _ in message.get("headers", ())}
                more = [(n.encode(), v.encode()) for n, v in _HEADERS.items() if n.encode() not in known]
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        try:
            self._admit(scope)
            await self._app(scope, self._bounded(scope, receive), answer)
        except _Refused as refused:
            if not begun:
                await _refuse(refused, answer)
        except ClientDisconnect:
            status = GONE
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._counts.request(scope["method"], route, status)
            said = scope.get("state", {}).get("digests", "")
            _log.info("%s %s %d %.0f ms%s", scope["method"], route, status, 1e3 * (time.perf_counter() - started), said)

    def _admit(self, scope: Scope) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if _name_of(host) not in self._settings.hosts:
            raise _Refused(
                421, "this server does not answer to that host name; see --host-name in psccnet serve --help."
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise _Refused(403, "requests from pages of other sites are refused.")
        if scope["method"] in CHANGES and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise _Refused(403, "requests from pages of other sites are refused.")
        path = scope["path"]
        if self._settings.api_key and path not in OPEN and not path.startswith("/page/"):
            key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(key.encode(), self._settings.api_key.encode()):
                raise _Refused(401, "this server wants its key in the header X-API-Key.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._settings.body_limit(path):
            raise self._too_large(path)

    def _too_large(self, path: str) -> _Refused:
        limit = self._settings.body_limit(path) if path != "/v1/detect" else self._settings.max_bytes
        return _Refused(413, f"more than {limit / (1 << 20):.3g} MB; make the picture smaller.")

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Wrap `receive` with the limits on bytes and time."""
        limit = self._settings.body_limit(scope["path"])
        ends = time.monotonic() + self._settings.upload_seconds
        arrived, whole = 0, False

        async def bounded() -> Message:
            nonlocal arrived, whole
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, ends - time.monotonic()))
            except TimeoutError:
                raise _Refused(408, "the request took too long to arrive.") from None
            arrived += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if arrived > limit:
                raise self._too_large(scope["path"])
            return message

        return bounded


def _name_of(host: str) -> str:
    """The host name in a Host header, without port and IPv6 brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


async def _refuse(refused: _Refused, send: Send) -> None:
    body = json.dumps({"detail": refused.detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refused.status in (408, 413):
        headers.append((b"connection", b"close"))  # what is still on its way is not read
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
