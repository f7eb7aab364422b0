"""Parse a request into pictures and options."""

import json
from typing import Any, NamedTuple

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from psccnet.serve.jobs import Options
from psccnet.serve.schemas import BatchRequest, Choices, PictureRequest
from psccnet.serve.settings import Settings


class DetectionRequest(NamedTuple):
    """The pictures and options of a request.

    Attributes:
        pictures: the files.
        names: what they are called.
        options: for all of them.
    """

    pictures: list[bytes]
    names: list[str]
    options: Options


async def read_request(request: Request, settings: Settings, many: bool) -> DetectionRequest:
    """Read a picture, or several, from a form or from JSON.

    Raises:
        HTTPException: 413, 415 or 422, with one sentence.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        detection_request = _from_json(await request.body(), many)
    elif kind == "multipart/form-data":
        detection_request = await _from_form(request, settings, many)
    else:
        raise HTTPException(415, "send the picture as multipart/form-data, or as application/json in base64.")
    if len(detection_request.pictures) > settings.max_batch:
        raise HTTPException(413, f"more than {settings.max_batch} pictures; send them in several requests.")
    for number, picture in enumerate(detection_request.pictures):
        if not picture:
            raise HTTPException(422, f"picture {number}: the file is empty; choose it again.")
        if len(picture) > settings.max_bytes:
            limit = settings.max_bytes / (1 << 20)
            raise HTTPException(413, f"picture {number}: more than {limit:.3g} MB; make the picture smaller.")
    return detection_request


def _from_json(body: bytes, many: bool) -> DetectionRequest:
    try:
        if many:
            batch = BatchRequest.model_validate_json(body)
            names = [f"picture {number}" for number in range(len(batch.pictures))]
            return DetectionRequest(batch.pictures, names, batch.options())
        picture = PictureRequest.model_validate_json(body)
    except ValidationError as error:
        raise HTTPException(422, first_mistake(error)) from None
    except RecursionError:
        raise HTTPException(422, "the body is not JSON that can be read.") from None
    return DetectionRequest([picture.picture], [_name(picture.name)], picture.options())


async def _from_form(request: Request, settings: Settings, many: bool) -> DetectionRequest:
    field = "pictures" if many else "picture"
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=settings.max_batch + 1, max_fields=16, max_part_size=4096
    )
    parser.spool_max_size = 1 << 40  # pictures stay in memory; the gate counts their bytes
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise HTTPException(422, f"the form cannot be read: {getattr(error, 'message', 'it is broken')}") from None
    try:
        files = [value for name, value in form.multi_items() if name == field and isinstance(value, UploadFile)]
        texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        if not files or (len(files) > 1 and not many):
            wanted = "one file or more" if many else "one file"
            raise HTTPException(422, f"the form has to have {wanted} in the field {field}.")
        if len(files) + len(texts) != len(form.multi_items()):
            raise HTTPException(422, "the form has fields that are not known, or twice.")
        try:
            options = Choices.model_validate(texts).options()
        except ValidationError as error:
            raise HTTPException(422, first_mistake(error)) from None
        pictures = [await file.read() for file in files]
        return DetectionRequest(pictures, [_name(file.filename or "picture") for file in files], options)
    finally:
        await form.close()


def _name(given: str) -> str:
    """The last part of a path, printable characters only."""
    plain = "".join(letter for letter in given if letter.isprintable())
    return plain.replace("\\", "/").rpartition("/")[2][:300] or "picture"


def first_mistake(error: ValidationError) -> str:
    """Describe the first validation error in one sentence."""
    first: Any = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def as_json(value: Any) -> bytes:
    """Compact JSON in UTF-8; ValueError for NaN and infinity.

    Examples:
        >>> as_json({"score": 0.5})
        b'{"score":0.5}'
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
