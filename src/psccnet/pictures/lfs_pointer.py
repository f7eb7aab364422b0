"""Git LFS pointers: the few lines that stand in for a large file in a clone without Git LFS."""

from pathlib import Path

POINTER = "a Git LFS pointer, not the file itself; get the files with: git lfs pull"
_START = b"version https://git-lfs.github.com/spec/"


def is_pointer(start: bytes) -> bool:
    """Whether a file that begins so is a pointer."""
    return start.startswith(_START)


def file_is_pointer(path: Path) -> bool:
    """Whether a file is a pointer; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return is_pointer(file.read(len(_START)))
    except OSError:
        return False
