import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from psccnet.datasets.tables import read_table
from psccnet.errors import InputError, MissingFileError, WeightsError, WriteError
from psccnet.pictures.whole_files import make_folder, parse_json, read_text, read_yaml, write_whole
from psccnet.weights.card import verify
from psccnet.weights.states import read_state


@pytest.mark.parametrize("failing_call", [1, 2])
def test_the_file_that_cannot_be_written_is_named(
    tmp_path: Path, fill_disk: Callable[[int], None], failing_call: int
) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    files[0].write_bytes(b"before")
    fill_disk(failing_call)
    with pytest.raises(WriteError) as caught:
        write_whole(dict.fromkeys(files, b"now"))
    name = files[failing_call - 1]
    assert str(caught.value).startswith(f"{name}: cannot be written (No space left on device); free space")
    assert caught.value.errno == errno.ENOSPC
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"before")]


def test_what_stands_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file", tmp_path / "file" / "in"):
        with pytest.raises(InputError, match=rf"^{path}: there is a file where a folder is needed; name another"):
            make_folder(path)
    with pytest.raises(WriteError, match=rf"^{tmp_path}/folder: cannot be written \(Is a directory\)"):
        write_whole({tmp_path / "folder": b""})
    with pytest.raises(WriteError, match=rf"^{tmp_path}/none/file: cannot be written \(No such file"):
        write_whole({tmp_path / "none" / "file": b""})
    with pytest.raises(WriteError, match="File name too long"):
        write_whole({tmp_path / ("x" * 300): b""})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf\xc3\xa4,1\r\n")
    assert read_text(path) == "ä,1\r\n"
    path.write_bytes(b"\xe4")
    with pytest.raises(InputError, match=r"a\.txt: not text in UTF-8; save it in UTF-8"):
        read_text(path)
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_text(tmp_path)
    for none in (tmp_path / "none", path / "below"):
        with pytest.raises(MissingFileError, match=rf"^{none}: there is no such file; check the path\.$"):
            read_text(none)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, "9" * 10_000])
def test_what_is_no_json(data: bytes | str) -> None:
    with pytest.raises(
        InputError, match=r"^list\.json: not JSON, or truncated; copy it again, or name another file\.$"
    ):
        parse_json(data, "list.json")


@pytest.mark.parametrize(
    "text", ["a: [1", "a: 1\n b: 2", "[" * 500, "!!timestamp x", "!!int ''", "{[1]: 2}", "2024-13-45", "*a", "\0"]
)
def test_what_is_no_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"a\.yaml: not valid YAML( \(see line \d+\))?; correct the file\.$"):
        read_yaml(path)


def test_yaml(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    (tmp_path / "empty.yaml").touch()
    assert (read_yaml(tmp_path / "a.yaml"), read_yaml(tmp_path / "empty.yaml")) == ({"a": 1}, None)


def test_git_lfs_pointers_are_called_by_name(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n"
    path = tmp_path / "a.csv"
    path.write_bytes(pointer)
    for read in (read_text, lambda _: parse_json(pointer, "a.csv"), lambda one: read_table(one, ("image",))):
        with pytest.raises(InputError, match=r"a\.csv: a Git LFS pointer, not the file itself; .* git lfs pull"):
            read(path)
    for name in ("w.pth", "w.safetensors"):
        (tmp_path / name).write_bytes(pointer)
        with pytest.raises(WeightsError, match=rf"{name} is a Git LFS pointer"):
            read_state(tmp_path / name)
    with pytest.raises(WeightsError, match="is a Git LFS pointer"):
        verify(tmp_path / "w.safetensors")
