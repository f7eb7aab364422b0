"""The folder of a scan: Parquet parts that are whole or not there, and what of the pictures is done."""

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from psccnet.errors import InputError
from psccnet.pictures.resumable_folder import ResumableFolder
from psccnet.pictures.whole_files import make_folder, write_whole, writing
from psccnet.scan.keys import Keys
from psccnet.scan.rows import SCHEMA, Row, from_table, to_parquet

MANIFEST, PARTS, LOCKS = "scan.json", "parts", "locks"
SMALL = 5_000
"""Parts with fewer rows are put together, once there are many of them."""
MANY = 64


class ScanFolder:
    """A folder with the results of a scan.

    Rows are added a part at a time; a part is a file of its own that appears whole. What is in no part is looked at
    again by the next run, so that no picture is lost, and a picture that is in one is not looked at again.

    Args:
        path: the folder; made by `claim`.
        shard: what this process writes, such as "3-of-16"; each shard has a folder of parts for itself.
    """

    def __init__(self, path: Path, shard: str = "1-of-1") -> None:
        self.path = path
        self.shard = shard
        self.parts = path / PARTS / shard
        self._manifest = ResumableFolder(path, MANIFEST)
        self._small = 0

    def claim(self, what: Mapping[str, Any]) -> bool:
        """Say what will be computed, or see that the folder is of the same; whether it was there before.

        Raises:
            InputError: if it is of a scan with another model, threshold or option; the message names what differs.
            WriteError: if nothing can be written there.
        """
        return self._manifest.claim("a scan", what) is not None

    def description(self) -> dict[str, Any]:
        """What the folder is of.

        Raises:
            InputError: if it holds no scan.
        """
        said = self._manifest.description()
        if said is None:
            raise InputError(f"{self.path}: holds no results of a scan; name the folder that --out named.")
        return said

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second run of the same shard out, as long as this one lives; take away what a killed one left.

        Raises:
            InputError: if another process is at it.
            WriteError: if nothing can be written there.
        """
        try:
            import fcntl
        except ModuleNotFoundError:  # not on Windows
            self._tidy()
            yield
            return
        make_folder(self.path / LOCKS)
        name = self.path / LOCKS / f"{self.shard}.lock"
        with writing(name):
            handle = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{self.path}: another scan is writing there; wait for it, or give each its own --shard."
                ) from None
            self._tidy()
            yield
        finally:
            os.close(handle)

    def files(self) -> list[Path]:
        """The parts of all shards, for each in the order of their making."""
        return sorted(self.path.glob(f"{PARTS}/*/*.parquet"))

    def done(self, again: bool = False) -> tuple[Keys, Keys]:
        """Keys of the pictures that have a row, and the sha256 (its first 16 bytes) of those that were computed.

        Args:
            again: pictures that failed do not count, so that they are looked at again.
        """
        done, computed = bytearray(), bytearray()
        for table in self._columns():
            kept = table.filter(pc.not_equal(table["state"], "failed")) if again else table
            done += b"".join(kept["key"].to_pylist())
            whole = table.filter(pc.equal(table["state"], "done"))
            computed += b"".join(bytes.fromhex(one[:32]) for one in whole["sha256"].to_pylist())
        return Keys(done), Keys(computed)

    def failed(self) -> Keys:
        """Keys of the pictures that have a row of a failure."""
        failed = bytearray()
        for table in self._columns():
            failed += b"".join(table.filter(pc.equal(table["state"], "failed"))["key"].to_pylist())
        return Keys(failed)

    def _columns(self) -> Iterator[pa.Table]:
        for file in self.files():
            yield pq.read_table(file, columns=["key", "state", "sha256"])

    def add(self, rows: list[Row], name: str | None = None) -> None:
        """Write rows as a part of this shard; put small parts together once there are many.

        Args:
            rows: not empty.
            name: of the part; parts of one name replace each other, and are left for their maker to put together.

        Raises:
            WriteError: if they cannot be written.
        """
        make_folder(self.parts)
        write_whole({self.parts / f"{name or _fresh_name()}.parquet": to_parquet(rows)}, durable=True)
        self._small += name is None
        if self._small >= MANY:
            self.put_together()

    def put_together(self) -> None:
        """Make one part of the small ones of this shard.

        The new part says which it replaces: where a run ends between its appearance and their removal, the next one
        removes them.

        Raises:
            WriteError: if it cannot be written.
        """
        self._small = 0
        small = [file for file in self._own() if pq.read_metadata(file).num_rows < SMALL]
        if len(small) < 2:
            return
        table = pa.concat_tables([pq.read_table(file, schema=SCHEMA) for file in small])
        names = "\n".join(file.name for file in small)
        write_whole({self.parts / f"{_fresh_name()}.parquet": from_table(table, {"replaces": names})}, durable=True)
        self._remove(small)

    def _tidy(self) -> None:
        """Take away what a killed run of this shard left: files that are not whole, and parts that were replaced."""
        self._remove(list(self.parts.glob(".*.tmp")))
        for file in self._own():
            said = (pq.read_metadata(file).metadata or {}).get(b"replaces", b"").decode()
            self._remove([self.parts / name for name in said.split("\n") if name])

    def _own(self) -> list[Path]:
        return sorted(self.parts.glob("*.parquet"))

    def _remove(self, files: list[Path]) -> None:
        for file in files:
            with writing(file):
                file.unlink(missing_ok=True)


def _fresh_name() -> str:
    """Names sort by the time of their making, also between processes and machines."""
    return f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
