"""The page's files, as they lie in the package."""

from importlib.resources import files

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from psccnet.inference.scales import SCALES

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
INDEX = "index.html"


def page_files() -> dict[str, bytes]:
    """Name -> content of all that the page loads."""
    folder = files("psccnet.serve").joinpath("static")
    found = {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file() and _ending(one.name) in _TYPES}
    return found | {SCALES: files("psccnet.inference").joinpath(SCALES).read_bytes()}


def _ending(name: str) -> str:
    return f".{name.rpartition('.')[2]}"


def add_page(app: FastAPI) -> None:
    """Serve the page at / and its files below /page."""
    known = page_files()

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return _file(INDEX)

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return _file("icon.svg")

    @app.get("/page/{name}", include_in_schema=False)
    async def file(name: str) -> Response:
        return _file(name)

    def _file(name: str) -> Response:
        if name not in known:
            raise HTTPException(404, "there is no such file.")
        return Response(known[name], 200, {"Cache-Control": "no-cache"}, _TYPES[_ending(name)])
