"""Scans of S3, against a real server (moto) on this machine."""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from psccnet.errors import InputError
from psccnet.scan.looking import Options
from psccnet.scan.scanning import Scan
from psccnet.scan.sources import Sources

server = pytest.importorskip("moto.server", reason="needs moto[server], an S3 server for tests")
pytest.importorskip("s3fs", reason="needs s3fs, the S3 storage of fsspec")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of botocore and moto


def picture(seed: int) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 48, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket called uploads, and the address of its server where s3fs finds it."""
    import boto3
    import s3fs

    service = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    service.start()
    address = "http://{}:{}".format(*service.get_host_and_port())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3", endpoint_url=address)
    client.create_bucket(Bucket="uploads")
    yield client
    s3fs.S3FileSystem.clear_instance_cache()
    service.stop()


def test_a_bucket_is_scanned_and_changes_are_seen(bucket: Any, weights_file: Path, tmp_path: Path) -> None:
    for key in ("0.png", "day/1.png", "day/2 ä+#?.png"):
        bucket.put_object(Bucket="uploads", Key=key, Body=picture(len(key)))
    bucket.put_object(Bucket="uploads", Key="day/broken.jpg", Body=b"no picture")
    bucket.put_object(Bucket="uploads", Key="notes.md", Body=b"text")
    options = Options(str(weights_file), precision="float32", device="cpu", evidence=False)

    def scan() -> Scan:
        return Scan(Sources(["s3://uploads"]), tmp_path / "out", options)

    first = scan()
    rows = {row["source"]: row for row in first.run()}
    assert set(rows) == {f"s3://uploads/{key}" for key in ("0.png", "day/1.png", "day/2 ä+#?.png", "day/broken.jpg")}
    assert Counter(row["state"] for row in rows.values()) == {"done": 3, "failed": 1}
    assert "not a picture in a supported format" in rows["s3://uploads/day/broken.jpg"]["reason"]
    assert (first.total, first.sources.others) == (4, {".md": 1})
    assert list(scan().run()) == []
    bucket.put_object(Bucket="uploads", Key="0.png", Body=picture(100))
    assert [row["source"] for row in scan().run()] == ["s3://uploads/0.png"]


def test_what_is_not_there_is_named(bucket: Any) -> None:
    for url in ("s3://nowhere/", "s3://uploads/nothing/"):
        with pytest.raises(InputError, match=f"{url}: there is nothing there; check the URL"):
            list(Sources([url]).items())


def test_a_server_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(InputError, match=r"s3://x/: cannot be listed by s3 \(.*\); check URL, credentials and network"):
        list(Sources(["s3://x/"]).items())
    s3fs.S3FileSystem.clear_instance_cache()
