"""The routes of the API, each a few lines around `psccnet.serve.state`."""

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.responses import Response as Answer
from starlette.exceptions import HTTPException

import psccnet
from psccnet.serve.gate import Gate
from psccnet.serve.page import add_page
from psccnet.serve.reading import DetectionRequest, as_json, read_request
from psccnet.serve.result_json import describe
from psccnet.serve.schemas import Batch, BatchRequest, Detection, PictureRequest, Problem, Response, form_schema
from psccnet.serve.schemas import State as StateOut
from psccnet.serve.state import State
from psccnet.serve.store import StoredResult
from psccnet.weights.card import Card

SWEEP_SECONDS = 15.0
_STATUSES = {
    401: "The API key is missing or wrong.",
    403: "The request comes from a page of another site.",
    404: "The result has expired or never existed, or it has no such drawing.",
    408: "The request took too long to arrive.",
    413: "Too many bytes or pictures.",
    415: "The body is neither a form nor JSON.",
    421: "The server does not answer to this host name.",
    422: "The picture cannot be read, or an option is wrong.",
    429: "Too many requests are waiting; Retry-After says when to try again.",
    503: "The process that worked on the picture has ended; try again.",
    504: "It took longer than the time limit.",
}
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    described: dict[int | str, dict[str, Any]] = {}
    for status in (401, 403, 408, 413, 421, *statuses):
        described[status] = {"model": Problem, "description": _STATUSES[status]}
        if status == 429:
            described[status]["headers"] = _RETRY
    return described


def make_app(state: State) -> FastAPI:
    """Build the application; it ends the processes of `state` when it shuts down."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(state))
        yield
        sweeping.cancel()
        await asyncio.to_thread(state.close)

    app = FastAPI(
        title="psccnet",
        summary="Tells whether a picture was manipulated, and shows where.",
        version=psccnet.__version__,
        lifespan=lifespan,
        docs_url=None,  # both load scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.add_middleware(Gate, settings=state.settings, counts=state.counts)
    app.add_exception_handler(HTTPException, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    _add_detection(app, state)
    _add_results(app, state)
    _add_health(app, state)
    add_page(app)
    return app


async def _sweep(state: State) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        state.store.sweep()


async def _refusal(request: Request, error: Exception) -> Answer:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": str(error.detail)}, error.status_code, error.headers)


async def _invalid_request(request: Request, error: Exception) -> Answer:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return JSONResponse({"detail": f"{'.'.join(map(str, first['loc']))}: {first['msg']}"}, 422)


def _body(model: type[PictureRequest] | type[BatchRequest], field: str, many: bool) -> dict[str, Any]:
    json_schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    content = {"multipart/form-data": {"schema": form_schema(field, many)}, "application/json": {"schema": json_schema}}
    return {"requestBody": {"required": True, "content": content}}


def _add_detection(app: FastAPI, state: State) -> None:
    async def read(request: Request, many: bool) -> DetectionRequest:
        request_read = await read_request(request, state.settings, many)
        digests = " ".join(hashlib.sha256(picture).hexdigest()[:12] for picture in request_read.pictures)
        request.scope.setdefault("state", {})["digests"] = f" {digests}"
        return request_read

    @app.post(
        "/v1/detect",
        response_model=Detection,
        responses=_refusals(415, 422, 429, 503, 504),
        openapi_extra=_body(PictureRequest, "picture", many=False),
    )
    async def detect(request: Request) -> Answer:
        """Analyse one picture, sent as a form or as JSON in base64."""
        with state.slot():
            asked = await read(request, many=False)
            stored = await state.detect(asked.pictures[0], asked.names[0], asked.options)
        return _json(describe(stored, state.card, state.settings.keep_seconds))

    @app.post(
        "/v1/detect/batch",
        response_model=Batch,
        responses=_refusals(415, 422, 429, 503, 504),
        openapi_extra=_body(BatchRequest, "pictures", many=True),
    )
    async def detect_batch(request: Request) -> Answer:
        """Analyse several pictures; those that cannot be read are listed in `failures`, the others in `results`."""
        results, failures = [], []
        with state.slot():
            asked = await read(request, many=True)
            for index, (picture, name) in enumerate(zip(asked.pictures, asked.names, strict=True)):
                try:
                    stored = await state.detect(picture, name, asked.options)
                    results.append(describe(stored, state.card, state.settings.keep_seconds))
                except HTTPException as error:
                    if error.status_code >= 500 and error.status_code not in (503, 504):
                        raise
                    failures.append({"index": index, "detail": str(error.detail)})
        return _json({"results": results, "failures": failures})


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(as_json(value), status, {"Cache-Control": "no-store"}, "application/json")


def _add_results(app: FastAPI, state: State) -> None:
    def stored_result(id: Annotated[str, Path(max_length=64, description="Of the result.")]) -> StoredResult:
        stored = state.store.get(id)
        if stored is None:
            raise HTTPException(404, "there is no such result, or it has expired; send the picture again.")
        return stored

    Stored = Annotated[StoredResult, Depends(stored_result)]
    errors = _refusals(404, 422, 503, 504)
    png: dict[str, Any] = {"response_class": Answer, "responses": errors | {200: {"content": {"image/png": {}}}}}

    @app.get("/v1/results/{id}", response_model=Detection, responses=_refusals(404, 422))
    async def result(stored: Stored) -> Answer:
        """Get a result again, until it expires."""
        return _json(describe(stored, state.card, state.settings.keep_seconds))

    @app.delete("/v1/results/{id}", status_code=204, responses=_refusals(404, 422))
    async def delete(stored: Stored) -> None:
        """Delete a result and the picture at once."""
        state.store.remove(stored.id)

    @app.get("/v1/results/{id}/evidence/{number}.png", **png)
    async def evidence(stored: Stored, number: Annotated[int, Path(ge=0, le=99)]) -> Answer:
        """Get the map or the regions of one finding, drawn over the picture."""
        return _png(await state.draw("evidence", number, stored.outcome, stored.data))

    @app.get(
        "/v1/results/{id}/response", response_model=Response, responses=errors | {200: {"content": {"image/png": {}}}}
    )
    async def response(
        stored: Stored,
        x: Annotated[int, Query(ge=0, description="Column of a pixel of the upright picture.")],
        y: Annotated[int, Query(ge=0, description="Row of it.")],
        scale: Annotated[int, Query(ge=1, le=4)] = 3,
        format: Annotated[Literal["json", "png"], Query()] = "json",
        colours: Annotated[Literal["viridis", "jet"], Query()] = "viridis",
    ) -> Answer:
        """Get the places that the SCCM relates one pixel to (Eq. 2, Fig. 9)."""
        width, height = stored.outcome.result.width, stored.outcome.result.height
        if x >= width or y >= height:
            raise HTTPException(422, f"the picture has {width} x {height} pixels; ({x}, {y}) lies outside.")
        point = (x / width, y / height)
        if format == "png":
            return _png(await state.draw("response_drawing", stored.outcome, scale, point, colours))
        values = await state.draw("response", stored.outcome, scale, point)
        rows, columns = values.shape
        rounded = [[round(float(value), 5) for value in row] for row in values]
        return _json({"scale": scale, "x": x, "y": y, "rows": rows, "columns": columns, "values": rounded})

    @app.get("/v1/results/{id}/masks/{scale}", responses=errors)
    async def mask_values(stored: Stored, scale: Annotated[int, Path(ge=0, le=4)]) -> Answer:
        """The mask of one scale at the network's own size: values in 8 bits, row by row, in base64.

        0 is the mask with other traces laid over it, where any speak for a manipulation.
        """
        mask = stored.outcome.result.masks.get(scale) if scale else stored.outcome.fused
        if mask is None:
            raise HTTPException(404, f"the mask of scale {scale} was not kept for this result.")
        levels = np.rint(255 * mask).astype(np.uint8)
        height, width = mask.shape
        text = base64.b64encode(levels.tobytes()).decode()
        return _json({"scale": scale, "width": width, "height": height, "values": text})

    @app.get("/v1/results/{id}/report.{kind}", response_class=Answer, responses=errors)
    async def report(stored: Stored, kind: Literal["html", "pdf"]) -> Answer:
        """Get the report as HTML or PDF."""
        threshold = stored.options.threshold
        parameters = {
            "looked at by": f"psccnet serve, {state.settings.backend} backend",
            "finest mask": str(stored.options.exit_scale),
            "threshold": "the weights' own" if threshold is None else f"{threshold:g}, as it was asked for",
        }
        made = await state.draw("report", stored.outcome, stored.data, kind == "pdf", parameters, stored.made)
        types = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
        policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"
        name = f'attachment; filename="psccnet-{stored.outcome.result.sha256[:12]}.{kind}"'
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Content-Disposition": name}
        return Answer(made, 200, headers, types[kind])

    @app.get("/v1/results/{id}/{kind}.png", **png)
    async def drawing(stored: Stored, kind: Literal["mask", "mask16", "overlay", "masks", "picture"]) -> Answer:
        """Get a drawing: the coloured mask, its 16-bit values, the overlay, the masks of all scales, or the picture."""
        return _png(await state.draw("draw", kind, stored.outcome, stored.data))


def _png(data: bytes) -> Answer:
    return Answer(data, 200, {"Cache-Control": "private, max-age=600"}, "image/png")


def _add_health(app: FastAPI, state: State) -> None:
    @app.get("/v1/model", response_model=Card, responses=_refusals())
    async def model() -> Card:
        """Get the card of the weights: training data and measured scores."""
        return state.card

    @app.get("/healthz", response_model=StateOut, responses=_refusals())
    async def healthz() -> Answer:
        """Tell whether the server runs."""
        return _json({"status": "ok"})

    @app.get("/readyz", response_model=StateOut, responses=_refusals() | {503: {"model": StateOut}})
    async def readyz() -> Answer:
        """Tell whether the server can analyse pictures."""
        return _json({"status": state.status}, 200 if state.status == "ok" else 503)

    @app.get("/metrics", response_class=Answer, responses=_refusals())
    async def metrics() -> Answer:
        """Counters for Prometheus."""
        return Answer(state.counts.text(state.gauges()), media_type="text/plain; version=0.0.4; charset=utf-8")
