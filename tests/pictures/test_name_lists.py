import io
import os
from pathlib import Path

import pytest

from psccnet.pictures.name_lists import read_names


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"", []),
        (b"a.png\nb c.png\n", ["a.png", "b c.png"]),
        (b"a.png\r\n\r\n \r\nb.png", ["a.png", "b.png"]),
        (b"a\nb.png\0c.png\0", ["a\nb.png", "c.png"]),
        (b"\xff.png\n", [os.fsdecode(b"\xff.png")]),
    ],
)
def test_names_are_separated_by_newlines_or_nul(data: bytes, names: list[str]) -> None:
    assert list(read_names(io.BytesIO(data))) == names


def test_a_name_may_lie_across_blocks(tmp_path: Path) -> None:
    names = [f"{number:06d}.png" for number in range(20_000)]
    (tmp_path / "list").write_text("\n".join(names))
    with (tmp_path / "list").open("rb") as file:
        assert list(read_names(file)) == names


def test_names_from_a_pipe_are_there_before_it_ends() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb") as pipe:
        pipe.write(b"a.png\n")
        pipe.flush()
        assert next(read_names(stream)) == "a.png"
