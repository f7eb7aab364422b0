"""The routes of the page's files."""

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from psccnet.serve.page_files import INDEX, TYPES, ending, page_files


def add_page(app: FastAPI) -> None:
    """Serve the page at / and its files below /page."""
    known = page_files()

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return respond(INDEX)

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return respond("icon.svg")

    @app.get("/page/{name}", include_in_schema=False)
    async def file(name: str) -> Response:
        return respond(name)

    def respond(name: str) -> Response:
        if name not in known:
            raise HTTPException(404, "there is no such file.")
        return Response(known[name], 200, {"Cache-Control": "no-cache"}, TYPES[ending(name)])
