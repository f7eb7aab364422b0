"""The page's files, as they lie in the package: the same for `psccnet serve` and for `psccnet page`."""

from importlib.resources import files

from psccnet.inference.scales import SCALES

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""Ending of a file -> its media type."""
INDEX = "index.html"


def page_files() -> dict[str, bytes]:
    """Name -> content of all that the page loads."""
    folder = files("psccnet.serve").joinpath("static")
    found = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file() and ending(file.name) in TYPES}
    return found | {SCALES: files("psccnet.inference").joinpath(SCALES).read_bytes()}


def ending(name: str) -> str:
    """The ending of a file's name, with its dot.

    Examples:
        >>> ending("page.js")
        '.js'
    """
    return f".{name.rpartition('.')[2]}"
