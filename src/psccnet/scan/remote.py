"""Remote storage (s3://, gs://, https:// and others) through fsspec."""

from collections.abc import Iterator
from typing import Any

from psccnet.errors import InputError, arose_here

_MEND = "check URL, credentials and network"


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
        # A cache of listings would miss later changes in the same process, and grow with the number of files.
        system, path = url_to_fs(url, use_listings_cache=False)
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
    except Exception as error:  # storage libraries have exceptions of their own, such as botocore's
        if arose_here(error):
            raise
        raise InputError(f"{url}: cannot be listed by {scheme} ({reason_of(error)}); {_MEND}.") from error


def fetch(url: str, start: int | None = None, stop: int | None = None) -> bytes:
    """Read a remote file, or its bytes from `start` to `stop`.

    Raises:
        InputError: if it cannot be read; the message names the URL.
        FileNotFoundError: if it does not exist.
    """
    system, path = file_system(url)
    try:
        data: bytes = system.cat_file(path, start, stop)
    except FileNotFoundError:
        raise
    except Exception as error:
        if arose_here(error):
            raise
        raise InputError(f"{url}: cannot be read ({reason_of(error)}); {_MEND}.") from error
    return data


def reason_of(error: Exception) -> str:
    """The text of an exception as one line."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(text.split()) or type(error).__name__


def _stamp(facts: dict[str, Any]) -> str:
    names = ("ETag", "etag", "LastModified", "mtime", "updated", "created")
    return next((str(facts[name]) for name in names if facts.get(name)), "")
