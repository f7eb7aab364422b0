"""Damage that decoders pass over in silence."""

import base64
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from psccnet.errors import PictureError
from psccnet.pictures.decoding import decode

from ..conftest import texture

PICTURE = Image.fromarray(texture(3, 80, 120))
NO_END = "the end of the file is missing, all pixels are there"
ARITHMETIC = base64.b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV015{O2nPlV2nYxZ3JMDj7!VE(4GtX@77-XDA0;FrA0i<pD>pADDKse|A}~QQG&wsyK0YNbL`g$DNH;w`"
    "JOA4NLjej43l0qq91sv3J18P3J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3If$01*fP5C9kh0U`hb5di}c"
    "0sqVZ3IGrg1pyEd1^?Or3<CiG0ucid06zf#0BxQ*0^W@S$yk#KTq)l4{{W;n(1C=l&M=~=aGhq<VW1{*K@@%<-Z}r-"
)
"""A picture of 24 x 16, arithmetic-coded by jpegtran."""


def encoded(form: str = "JPEG", **options: Any) -> bytes:
    stream = io.BytesIO()
    PICTURE.save(stream, form, **options)
    return stream.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(
        PictureError, match=r"^card\.jpg: truncated or damaged.*; copy or download it again\.$"
    ) as caught:
        decode(data, name="card.jpg")
    return str(caught.value)


KINDS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "optimized": {"optimize": True},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 2},
    "rows": {"restart_marker_rows": 1},
    "grey chroma": {"subsampling": 0},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_jpeg_is_taken_without_a_word(kind: str) -> None:
    assert decode(encoded(quality=90, **KINDS[kind])).notes == ()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", ["hole", "zeros", "cut"])
def test_a_damaged_jpeg_is_refused(kind: str, damage: str) -> None:
    data = encoded(quality=90, **KINDS[kind])
    at = len(data) * 2 // 3
    rest = {"hole": data[at + 300 :], "zeros": bytes(300) + data[at + 300 :], "cut": b""}[damage]
    refused(data[:at] + rest)


@pytest.mark.parametrize("number", [0, 5])
def test_a_restart_marker_that_is_missing_is_refused(number: int) -> None:
    data = encoded(restart_marker_blocks=2)
    marker = bytes([0xFF, 0xD0 + number])
    assert data.count(marker) > 1
    at = data.index(marker, data.index(b"\xff\xda"))
    refused(data[:at] + data[at + 2 :])


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_that_lacks_its_end_alone_is_taken_with_a_note(kind: str) -> None:
    data = encoded(**KINDS[kind])
    for cut in (1, 2):
        decoded = decode(data[:-cut])
        assert decoded.notes == (NO_END,)
        assert np.array_equal(decoded.pixels, decode(data).pixels)
    refused(data[:-40])


def test_what_comes_after_the_picture_is_no_damage() -> None:
    data = encoded()
    assert decode(data + b"trailer" * 50).notes == ()
    padded = decode(data[:-2] + bytes(64) + data[-2:])
    assert padded.notes[0].endswith(" bytes of padding before the end of the file")
    assert np.array_equal(padded.pixels, decode(data).pixels)


def test_metadata_that_makes_no_sense_is_no_damage() -> None:
    profile = b"ICC_PROFILE\0\x09\x02" + b"no profile"
    segment = b"\xff\xe2" + (len(profile) + 2).to_bytes(2, "big") + profile
    data = encoded()
    assert decode(data[:2] + segment + data[2:]).notes == ()


def test_arithmetic_coding() -> None:
    decoded = decode(ARITHMETIC)
    assert (decoded.pixels.shape, decoded.notes) == ((16, 24, 3), ())
    # Huffman codes under a header that says arithmetic ones decode to noise.
    data = encoded()
    refused(data.replace(b"\xff\xc0", b"\xff\xc9", 1))


def test_a_picture_that_pillow_opened_is_examined_as_well(tmp_path: Path) -> None:
    data = encoded()
    (tmp_path / "a.jpg").write_bytes(data[:2000] + data[2300:])
    with Image.open(tmp_path / "a.jpg") as picture, pytest.raises(PictureError, match="picture: truncated or damaged"):
        decode(picture)


def test_checksums_of_png() -> None:
    data = bytearray(encoded("PNG"))
    data[len(data) // 2] ^= 1
    assert "the checksum of its IDAT chunk at byte" in refused(bytes(data))
    assert decode(encoded("PNG")[:-12]).notes == (NO_END,)


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_deflate", "jpeg"])
def test_strips_of_tiff(compression: str) -> None:
    data = encoded("TIFF", compression=compression)
    assert decode(data).notes == ()
    at = len(data) // 2
    assert "strip 1 of 1: " in refused(data[:at] + bytes(200) + data[at + 200 :])


def test_deflated_data_that_is_large_is_read_in_blocks() -> None:
    large = Image.new("RGB", (2000, 1000))
    stream = io.BytesIO()
    large.save(stream, "TIFF", compression="tiff_adobe_deflate")
    assert decode(stream.getvalue()).pixels.shape == (1000, 2000, 3)
    assert len(zlib.compress(large.tobytes())) < 1 << 15
