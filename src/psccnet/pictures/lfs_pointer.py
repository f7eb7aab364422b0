"""Git LFS pointers: small text files in place of large files, in a clone made without Git LFS."""

from pathlib import Path

POINTER = "a Git LFS pointer, not the file itself; get the files with: git lfs pull"
_START = b"version https://git-lfs.github.com/spec/"


def is_pointer(start: bytes) -> bool:
    """Whether a file with these first bytes is a pointer.

    Examples:
        >>> is_pointer(b"version https://git-lfs.github.com/spec/v1"), is_pointer(b"GIF89a")
        (True, False)
    """
    return start.startswith(_START)


def file_is_pointer(path: Path) -> bool:
    """Whether a file is a pointer; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            return is_pointer(file.read(len(_START)))
    except OSError:
        return False
