import io
import os
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from psccnet.errors import InputError, MissingFileError, PictureError
from psccnet.scan.item import Item
from psccnet.scan.sources import Sources


def picture(colour: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (colour, 0, 0)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(["a.png", "deep/b.png", "deep/er/without_ending", "deep/._a.png", "notes.md"]):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number) if name != "notes.md" else b"text")
    return tmp_path / "photos"


def names(sources: Sources) -> set[str]:
    return {Path(item.source).name for item in sources.items()}


def test_a_folder(folder: Path) -> None:
    sources = Sources([str(folder)])
    assert names(sources) == {"a.png", "b.png", "without_ending"}
    assert sources.others == {".md": 1}
    item = next(item for item in sources.items() if item.source.endswith("a.png"))
    assert item.read() == picture(0)
    assert item.size == len(picture(0))


def test_a_picture_is_known_again_until_its_file_changes(folder: Path) -> None:
    def keys() -> set[bytes]:
        return {item.key for item in Sources([str(folder)]).items()}

    before = keys()
    assert len(before) == 3
    assert keys() == before
    os.utime(folder / "a.png", ns=(1, 1))
    assert len(keys() & before) == 2


def test_globs_and_files(folder: Path) -> None:
    assert names(Sources([f"{folder}/*.png", str(folder / "deep" / "b.png")])) == {"a.png", "b.png"}
    with pytest.raises(MissingFileError, match=r"\*\.jpg: matches no file; check the pattern"):
        list(Sources([f"{folder}/*.jpg"]).items())
    with pytest.raises(MissingFileError, match="gone: there is no such file or folder"):
        Sources([str(folder / "gone")]).check()


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
def test_a_list(folder: Path, tmp_path: Path, separator: str) -> None:
    (tmp_path / "list.txt").write_text(separator.join([str(folder / "a.png"), str(folder / "gone.png")]), newline="")
    for sources in (Sources([str(tmp_path / "list.txt")]), Sources([], [tmp_path / "list.txt"])):
        there, gone = sources.items()
        assert there.read() == picture(0)
        # One that is not there is a picture that fails, and not the end of a long list.
        with pytest.raises(PictureError, match=r"gone\.png: there is no such file; check the path"):
            gone.read()


def test_an_archive(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(folder, "photos")
    sources = Sources([str(path)])
    items = {item.source: item for item in sources.items()}
    assert set(items) == {f"{path}!photos/a.png", f"{path}!photos/deep/b.png"}
    assert items[f"{path}!photos/deep/b.png"].read() == picture(1)
    assert sources.others == {".md": 1, "": 1}


def test_an_archive_that_is_cut_off_keeps_what_is_whole(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(folder / "a.png", "a.png")
        archive.add(folder / "deep" / "b.png", "b.png")
    _, second = Sources([str(path)]).items()
    assert second.place is not None
    path.write_bytes(path.read_bytes()[: second.place.offset - 100])
    first, last = Sources([str(path)]).items()
    assert first.read() == picture(0)
    assert first.place is not None
    with pytest.raises(PictureError, match=r"shard\.tar: (its end is missing|not a tar archive, or damaged)"):
        last.read()
    path.write_bytes(path.read_bytes()[: first.place.offset + 512])  # a whole member, and then nothing
    first, last = Sources([str(path)]).items()
    with pytest.raises(PictureError, match=r"shard\.tar: its end is missing, and perhaps pictures"):
        last.read()
    path.write_bytes(b"\x1f\x8b no tar")
    (only,) = Sources([str(path)]).items()
    with pytest.raises(PictureError, match=r"unpack \.tar\.gz"):
        only.read()


@pytest.mark.parametrize("nested", [True, False])
def test_a_table_with_pictures_in_it(tmp_path: Path, nested: bool) -> None:
    contents = [picture(number) for number in range(70)] + [None]
    column = [{"bytes": one, "path": "x"} for one in contents] if nested else contents
    pq.write_table(pa.table({"label": range(71), "image": column}), tmp_path / "set.parquet")
    *items, empty = Sources([str(tmp_path / "set.parquet")]).items()
    assert [item.read() for item in items] == contents[:-1]
    assert items[69].source == f"{tmp_path}/set.parquet!69"
    with pytest.raises(PictureError, match=r"!70: this row holds no picture; remove it"):
        empty.read()


def test_a_table_with_paths_in_it(folder: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["x"], "path": [str(folder / "a.png")]}), tmp_path / "set.parquet")
    (item,) = Sources([str(tmp_path / "set.parquet")]).items()
    assert (item.source, item.read()) == (str(folder / "a.png"), picture(0))
    pq.write_table(pa.table({"id": ["x"], "n": [1]}), tmp_path / "set.parquet")
    with pytest.raises(InputError, match="no column holds or names pictures; rename the right one of id, n to bytes"):
        list(Sources([str(tmp_path / "set.parquet")]).items())
    (tmp_path / "set.parquet").write_bytes(b"no table")
    (item,) = Sources([str(tmp_path / "set.parquet")]).items()
    with pytest.raises(PictureError, match="not a Parquet file, or damaged"):
        item.read()


def test_a_folder_that_may_not_be_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("psccnet.scan.sources.os.scandir", refuse)
    items = list(Sources([str(folder)]).items())
    assert {Path(item.source).name for item in items} == {"a.png", "deep"}
    with pytest.raises(PictureError, match=r"deep: cannot be listed \(Permission denied\); check permissions"):
        next(item for item in items if item.source.endswith("deep")).read()


def test_links(folder: Path, tmp_path: Path) -> None:
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "copy.png").symlink_to(folder / "a.png")
    (folder / "again").symlink_to(folder / "deep")
    sources = Sources([str(folder)])
    items = {Path(item.source).name: item for item in sources.items()}
    assert set(items) == {"a.png", "b.png", "without_ending", "copy.png", "gone.png"}
    assert sources.others == {".md": 1, "links to folders, which are not followed": 1}
    with pytest.raises(PictureError, match=r"gone\.png: a link to a file that does not exist; correct or remove it"):
        items["gone.png"].read()


def test_a_list_from_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        buffer = io.BytesIO(os.fsencode(folder / "a.png") + b"\0")

    monkeypatch.setattr("sys.stdin", Piped)
    sources = Sources([], [Path("-")])
    sources.check()
    assert names(sources) == {"a.png"}


def test_storage_behind_a_url(folder: Path) -> None:
    import fsspec

    system = fsspec.filesystem("memory")
    for name in ("bucket/a.png", "bucket/deep/b.png", "bucket/notes.md"):
        with system.open(name, "wb") as file:
            file.write(picture(7))
    sources = Sources(["memory://bucket"])
    items = list(sources.items())
    assert {item.source for item in items} == {"memory:///bucket/a.png", "memory:///bucket/deep/b.png"}
    assert items[0].read() == picture(7)
    assert sources.others == {".md": 1}
    (one,) = Sources(["memory://bucket/a.png"]).items()
    assert one.read() == picture(7)
    with pytest.raises(InputError, match=r"memory://nothing: there is nothing there; check the URL"):
        list(Sources(["memory://nothing"]).items())
    with pytest.raises(InputError, match=r"nonsense://x: unknown kind of storage"):
        list(Sources(["nonsense://x"]).items())


def test_storage_that_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries of storage have exceptions of their own, which are no OSError."""
    import fsspec

    class CredentialsError(Exception):
        pass

    def refuse(*_: object, **__: object) -> None:
        raise CredentialsError("no\ncredentials")

    system = fsspec.filesystem("memory")
    with system.open("vault/a.png", "wb") as file:
        file.write(picture(7))
    (item,) = Sources(["memory://vault"]).items()
    monkeypatch.setattr(type(system), "cat_file", refuse)
    with pytest.raises(PictureError, match=r"vault/a\.png: cannot be read \(no credentials\); check URL, credentials"):
        item.read()
    monkeypatch.setattr(type(system), "info", refuse)
    with pytest.raises(InputError, match=r"memory://vault: cannot be listed by memory \(no credentials\); check URL"):
        list(Sources(["memory://vault"]).items())
    with pytest.raises(PictureError, match=r"nonsense://x/a\.png: unknown kind of storage"):
        Item("nonsense://x/a.png", 0, "", "nonsense://x/a.png").read()


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(PictureError, match="not a possible file name; correct the list"):
        Item("a\0b", -1, "", "a\0b").read()
