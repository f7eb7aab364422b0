"""Write files completely or not at all; read text, JSON and YAML with clear error messages."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from psccnet.errors import InputError, MissingFileError, PsccnetError, WriteError
from psccnet.pictures.lfs_pointer import POINTER, is_pointer


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError on writing a file or a folder into a `WriteError` with its path and errno."""
    try:
        yield
    except PsccnetError:
        raise
    except OSError as error:
        reason = error.strerror or "the system refuses it"
        write_error = WriteError(f"{path}: cannot be written ({reason}); free space, or name another folder.")
        write_error.errno = error.errno
        raise write_error from error


def make_folder(path: Path) -> None:
    """Make a folder and its missing parents.

    Raises:
        InputError: if there is a file of that name, or of a parent's.
        WriteError: if the folder cannot be made.
    """
    with writing(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(f"{path}: there is a file where a folder is needed; name another folder.") from error


def write_whole(contents: Mapping[Path, bytes], durable: bool = False) -> None:
    """Write files under temporary names, then rename them; a failure leaves no temporary file behind.

    Args:
        contents: of each file; an existing file is replaced.
        durable: wait until the files are on the disk, so that a loss of power does not lose them.

    Raises:
        WriteError: if a file cannot be written; the file that was there before is kept.
    """
    temporary = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in contents}
    try:
        for path, content in contents.items():
            with writing(path):
                temporary[path].write_bytes(content)
                if durable:
                    _to_disk(temporary[path])
        for path in contents:
            with writing(path):
                os.replace(temporary[path], path)
    finally:
        for path in temporary.values():
            with suppress(OSError):  # such as a name that is too long, for which an error is on its way already
                path.unlink()


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an OSError on reading a file into a `MissingFileError` or an `InputError` with its path."""
    try:
        yield
    except PsccnetError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"{path}: there is no such file; check the path.") from None
    except OSError as error:
        reason = error.strerror or "the system refuses it"
        raise InputError(f"{path}: cannot be read ({reason}); check path and permissions.") from error


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, without its byte order mark.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if the file cannot be read or is not text in UTF-8.
    """
    with reading(path):
        data = path.read_bytes()
    if is_pointer(data):
        raise InputError(f"{path}: {POINTER}.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not text in UTF-8; save it in UTF-8, or name another file.") from error


def parse_json(data: str | bytes, name: str) -> Any:
    """Parse JSON.

    Raises:
        InputError: if `data` is not valid JSON; the message begins with `name`.
    """
    if is_pointer(data if isinstance(data, bytes) else data[:200].encode(errors="replace")):
        raise InputError(f"{name}: {POINTER}.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not JSON, or truncated; copy it again, or name another file.") from error


def read_yaml(path: Path) -> Any:
    """Read a YAML file; None if it is empty.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if the file cannot be read or is not valid YAML; the message gives the line.
    """
    return parse_yaml(read_text(path), str(path))


def parse_yaml(text: str, name: str) -> Any:
    """Parse YAML; None if the text is empty.

    Raises:
        InputError: if it is not valid YAML; the message begins with `name`.

    Examples:
        >>> parse_yaml("size: 128", "recipe.yaml")
        {'size': 128}
    """
    import yaml

    try:
        return yaml.safe_load(text)
    # PyYAML raises many kinds of exceptions for values that it cannot parse: ValueError, KeyError, AttributeError, ...
    except Exception as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (see line {mark.line + 1})" if mark is not None else ""
        raise InputError(f"{name}: not valid YAML{where}; correct the file.") from error


def merged(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested fields, as in a YAML file, with nested `changes` applied; returns a new mapping.

    Examples:
        >>> merged({"data": {"size": 128, "seed": 0}}, {"data": {"size": 256}})
        {'data': {'size': 256, 'seed': 0}}
    """
    result = dict(fields)
    for name, value in changes.items():
        below = result.get(name)
        result[name] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result
