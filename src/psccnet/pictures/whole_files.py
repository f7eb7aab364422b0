"""Files that are written whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path


def write_whole(contents: Mapping[Path, bytes]) -> None:
    """Write files under temporary names beside them, then rename them; leave nothing of a failure behind.

    Args:
        contents: of each file; what stood there before is replaced.

    Raises:
        OSError: if a file cannot be written; what stood there before is then still there.
    """
    temporary = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in contents}
    try:
        for path, content in contents.items():
            temporary[path].write_bytes(content)
        for path in contents:
            os.replace(temporary[path], path)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
