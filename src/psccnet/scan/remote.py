"""Remote storage (s3://, gs://, https:// and others) through fsspec."""

from collections.abc import Iterator
from typing import Any

from psccnet.errors import InputError


def file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path in it.

    Raises:
        InputError: if fsspec, or what it needs for this kind of storage, is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError as error:
        raise InputError(f"{url}: remote storage needs fsspec; pip install 'psccnet[scan]'.") from error
    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        kind = url.partition("://")[0]
        package = {"s3": "s3fs", "gs": "gcsfs", "http": "aiohttp", "https": "aiohttp", "az": "adlfs"}.get(kind, kind)
        raise InputError(f"{url}: this storage needs another package; pip install {package}.") from error
    except ValueError as error:
        raise InputError(f"{url}: unknown kind of storage; check the part before ://.") from error
    return system, path


def listed_below(url: str) -> Iterator[tuple[str, int, str]]:
    """List the file at a URL, or the files below it: URL, size in bytes, and a stamp that identifies the version.

    Raises:
        InputError: if there is nothing, or it cannot be listed; the message names the URL.
    """
    system, path = file_system(url)
    scheme = url.partition("://")[0]
    try:
        facts = system.info(path)
        if facts["type"] == "file":
            yield url, int(facts["size"] or 0), _stamp(facts)
            return
        for _, _, files in system.walk(path, detail=True):
            for facts in files.values():
                yield system.unstrip_protocol(facts["name"]), int(facts["size"] or 0), _stamp(facts)
    except FileNotFoundError:
        raise InputError(f"{url}: there is nothing there; check the URL.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{url}: cannot be listed by {scheme} ({reason}); check URL and permissions.") from error


def _stamp(facts: dict[str, Any]) -> str:
    names = ("ETag", "etag", "LastModified", "mtime", "updated", "created")
    return next((str(facts[name]) for name in names if facts.get(name)), "")
