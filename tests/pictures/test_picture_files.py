import io
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from psccnet.errors import PictureError
from psccnet.pictures import opening, picture_files
from psccnet.pictures.decoding import decode
from psccnet.pictures.picture_files import is_clutter, is_picture, passed_over, survey, without_ending

from ..conftest import texture

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


def test_endings_of_every_format_that_is_read() -> None:
    Image.init()
    known = {ending for ending, form in Image.EXTENSION.items() if form in opening.FORMATS}
    # Without a header (BUFR-like j2k parts) or with floating-point samples, there is no picture in them to read.
    assert {ending for ending in known if not is_picture(f"a{ending}")} <= {".pfm", ".jps", ".vda"}
    for name in ("a.JPG", "a.b.jpe", "x/A.JFIF", "a.Mpo", "a.tiff"):
        assert is_picture(name)
    for name in ("a.txt", "jpg", "a.jpg.part", "._a.jpg", ".a.jpg", "Thumbs.db", "__MACOSX/a.jpg", "@eaDir/a.jpg"):
        assert not is_picture(name)


def test_names_without_endings() -> None:
    assert without_ending("x.y/a.b.JPG") == "x.y/a.b"
    assert without_ending("x.y/a.b") == "x.y/a.b"
    assert not is_clutter("../a/./b.jpg")


def test_a_survey_counts_what_it_passes_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_files, "heif_is_read", lambda: False)
    for name in ("a.jpg", "b/c.PNG", "d.heic", "e.HEIC", "f.nef", "g.txt", "._a.jpg", "b/Thumbs.db", "h", "i.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    Image.fromarray(texture(0, 8, 8)).save(tmp_path / "photo.jpg_large", "JPEG")
    found = survey(tmp_path)
    assert [path.name for path in found.pictures] == ["a.jpg", "c.PNG"]
    assert found.others == {".heic": 2, ".nef": 1, ".txt": 1, "": 1, ".pdf": 1, ".jpg_large": 1}
    more = survey(tmp_path, by_content=True)
    assert [path.name for path in more.pictures] == ["a.jpg", "c.PNG", "photo.jpg_large"]
    text = passed_over(more.others)
    assert text.startswith("1 without ending, 2 .heic, 1 .nef, 1 .pdf, 1 .txt (pip install 'psccnet[heif]' reads HEIC;")
    assert "develop raw files to TIFF or JPEG" in text
    assert passed_over({".txt": 3}) == "3 .txt"


def test_heic_names_the_extra_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "heif_is_read", lambda: False)
    with pytest.raises(PictureError, match=r"IMG_1\.HEIC: not a picture .* \(HEIC; pip install 'psccnet\[heif\]'"):
        decode(HEIC, name="IMG_1.HEIC")


def test_the_extra_is_asked_when_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    extra, asked = ModuleType("pillow_heif"), []
    extra.register_heif_opener = lambda: asked.append(True)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", extra)
    monkeypatch.setattr(opening, "heif_is_read", lambda: True)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(PictureError, match=r"IMG_1\.HEIC: truncated or damaged"):
        decode(HEIC, name="IMG_1.HEIC")
    stream = io.BytesIO()
    Image.fromarray(texture(0, 8, 8)).save(stream, "PNG")
    assert decode(stream.getvalue()).pixels.shape == (8, 8, 3)
    assert asked == [True, True]


def test_heic_is_read() -> None:
    heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    heif.from_pillow(Image.fromarray(texture(0, 48, 64))).save(stream, quality=-1)
    decoded = decode(stream.getvalue())
    assert decoded.pixels.shape == (48, 64, 3)
    assert abs(decoded.pixels.astype(int) - texture(0, 48, 64)).mean() < 12  # halved chroma


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a Git LFS pointer.*git lfs pull"),
        (b"%PDF-1.7 ...", "a PDF; take the pictures out"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"<svg xmlns=''>", "a drawing"),
        (b"PK\x03\x04...", "an archive or a document; unpack it"),
        (b"\0\0\0\x20ftypisom", "a video; save a frame"),
        (b"P7\nWIDTH 1\n", "PAM; save it as PNG"),
    ],
)
def test_files_of_other_kinds_are_called_by_name(content: bytes, words: str) -> None:
    with pytest.raises(PictureError, match=rf"^photo\.jpg: .*{words}"):
        decode(content, name="photo.jpg")
