"""Files as a whole: written so or not at all, and text, JSON and YAML read with a sentence for what is wrong."""

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
    """Turn the system's refusal to write a file or a folder into a `WriteError` with its name and its errno."""
    try:
        yield
    except PsccnetError:
        raise
    except OSError as error:
        reason = error.strerror or "the system refuses it"
        failed = WriteError(f"{path}: cannot be written ({reason}); make room, or name a folder that can be written.")
        failed.errno = error.errno
        raise failed from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        InputError: if a file has its name, or that of one above it.
        WriteError: if it cannot be made.
    """
    with writing(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(f"{path}: a file stands where a folder should be; name another folder.") from error


def write_whole(contents: Mapping[Path, bytes], durable: bool = False) -> None:
    """Write files under temporary names beside them, then rename them; leave nothing of a failure behind.

    Args:
        contents: of each file; what stood there before is replaced.
        durable: wait until they are on the disk, so that they outlive a loss of power.

    Raises:
        WriteError: if a file cannot be written; what stood there before is then still there.
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
            with suppress(OSError):  # such as a name that is too long, which has been said
                path.unlink()


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the system's refusal to read a file into a `MissingFileError` or an `InputError` with its name."""
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
    """The text of a file in UTF-8, without a byte order mark.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it cannot be read or is no such text.
    """
    with reading(path):
        data = path.read_bytes()
    if is_pointer(data):
        raise InputError(f"{path}: {POINTER}.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text in UTF-8; save it as such, or name another file.") from error


def parse_json(data: str | bytes, name: str) -> Any:
    """What a JSON text holds.

    Raises:
        InputError: if it is none; the message begins with `name`.
    """
    if is_pointer(data if isinstance(data, bytes) else data[:200].encode(errors="replace")):
        raise InputError(f"{name}: {POINTER}.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not JSON, or cut off; copy it again, or name another file.") from error


def read_yaml(path: Path) -> Any:
    """What a YAML file holds; None where it is empty.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it cannot be read or is no YAML; the message says at which line.
    """
    return parse_yaml(read_text(path), str(path))


def parse_yaml(text: str, name: str) -> Any:
    """What a YAML text holds; None where it is empty.

    Raises:
        InputError: if it is no YAML; the message begins with `name`.
    """
    import yaml

    try:
        return yaml.safe_load(text)
    # PyYAML raises whatever comes up in values that it cannot make sense of: ValueError, KeyError, AttributeError, ...
    except Exception as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (see line {mark.line + 1})" if mark is not None else ""
        raise InputError(f"{name} is not valid YAML{where}: mend it") from error


def merged(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested fields, as a YAML file has them, with nested `changes` laid over them; neither is altered."""
    result = dict(fields)
    for name, value in changes.items():
        below = result.get(name)
        result[name] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result
