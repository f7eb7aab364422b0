"""Scan on a Ray cluster: Ray Data distributes the pictures to actors, each with a detector.

The names of the remaining pictures are put into the object store. Ray Data passes them on in batches, and handles
actors and nodes that die. An actor writes the rows of a batch as a part that is named after its pictures: if a batch is
processed twice, because a node died after writing, the second part replaces the first. Sources and results must have
the same paths on all nodes.
"""

import hashlib
import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from psccnet.errors import InputError
from psccnet.evidence import version
from psccnet.evidence.square_statistics.card import VARIABLE
from psccnet.scan.item import Item, Place
from psccnet.scan.keys import Claims, Keys
from psccnet.scan.looking import Options, look
from psccnet.scan.results import ScanFolder
from psccnet.scan.rows import Row

BATCH = 16
"""Pictures per call of an actor."""
BLOCK = 1_024
"""Largest number of names in a block of the object store; a node takes one block at a time."""
_LISTING = pa.schema(
    [
        ("source", pa.binary()),
        ("size", pa.int64()),
        ("stamp", pa.string()),
        ("file", pa.binary()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("fault", pa.string()),
    ]
)


def look_on_ray(
    items: Iterator[Item],
    options: Options,
    folder: ScanFolder,
    address: str,
    actors: int = 0,
    computed: Keys | None = None,
) -> Iterator[Row]:
    """Examine pictures on a cluster. The actors write the rows; only state and reason come back.

    Args:
        items: the pictures.
        options: see `psccnet.scan.looking.look`.
        folder: of the results.
        address: of the cluster, as for `ray.init`; "auto" is the cluster of this machine, "local" starts one here.
        actors: number of actors; 0 starts one per GPU with the device "cuda", otherwise one for every two cores.
        computed: with it, equal bytes are computed once: not if they are in it or an actor computed them already.

    Yields:
        Rows with `state` and `reason` only.

    Raises:
        InputError: if Ray is not installed, there is no such cluster, or a source cannot be sent to it.
    """
    if os.environ.get(VARIABLE):  # actors have another working directory
        os.environ[VARIABLE] = os.path.abspath(os.environ[VARIABLE])
    traces = version() if options.evidence else None
    ray = _connected(address)
    try:
        blocks = [ray.put(block) for block in _blocks(items)]
        if not blocks:
            return
        claims = None if computed is None else ray.remote(Claims).options(num_cpus=0).remote(computed.packed())
        gpus = 1.0 if options.device == "cuda" else 0.0
        largest = max(node["Resources"].get("CPU", 1.0) for node in ray.nodes() if node["Alive"])
        cores = 1.0 if gpus else min(2.0, largest)
        available = ray.cluster_resources().get("GPU" if gpus else "CPU", 1)
        number = actors or max(1, int(available // (gpus or cores)))
        looked = ray.data.from_arrow_refs(blocks).map_batches(
            _Looker,
            fn_constructor_args=(
                _absolute(options),
                str(folder.path.resolve()),
                folder.shard,
                claims,
                int(cores),
                traces,
            ),
            batch_size=BATCH,
            compute=ray.data.ActorPoolStrategy(size=number),
            num_cpus=cores,
            num_gpus=gpus,
        )
        for batch in looked.iter_batches(batch_size=None):
            for state, reason in zip(batch["state"], batch["reason"], strict=True):
                yield {"state": str(state), "reason": str(reason) or None}
    finally:
        ray.shutdown()


def _connected(address: str) -> Any:
    # Ray must not report its use to anybody, nor print its own messages.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise InputError(f"--ray needs {error.name}: pip install 'psccnet[cluster]', on all nodes") from error
    try:
        where = {"include_dashboard": False} if address == "local" else {"address": address}
        ray.init(**where, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, ValueError) as error:
        raise InputError(f"--ray {address}: there is no such cluster; run ray start, or use --ray local") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    return ray


def _blocks(items: Iterator[Item]) -> Iterator[pa.Table]:
    """The pictures in tables that grow from `BATCH` to `BLOCK` rows, so that a short list is distributed too."""
    size = BATCH
    while block := list(islice(items, size)):
        yield pa.Table.from_pylist([_plain(item) for item in block], _LISTING)
        size = min(2 * size, BLOCK)


def _absolute(options: Options) -> dict[str, Any]:
    """The fields of options with absolute paths, since actors have another working directory."""
    values = asdict(options)
    if os.path.exists(options.weights):  # otherwise it is a bundled name
        values["weights"] = os.path.abspath(options.weights)
    if options.masks is not None:
        values["masks"] = os.path.abspath(options.masks)
    return values


def _plain(item: Item) -> dict[str, Any]:
    if item.content is not None:
        raise InputError(f"{item.source}: --ray takes tables with paths of pictures, not with their bytes; unpack it.")
    return {
        "source": os.fsencode(item.source),
        "size": item.size,
        "stamp": item.stamp,
        "file": os.fsencode(item.file if "://" in item.file else os.path.abspath(item.file)),
        "offset": None if item.place is None else item.place.offset,
        "length": None if item.place is None else item.place.size,
        "fault": item.fault,
    }


def _item(row: dict[str, Any]) -> Item:
    place = None if row["offset"] is None else Place(row["offset"], row["length"])
    source, file = os.fsdecode(row["source"]), os.fsdecode(row["file"])
    return Item(source, row["size"], row["stamp"], file, place, fault=row["fault"])


class _Looker:
    """An actor: loads a detector once, and writes a part for each batch.

    Args:
        options: fields of `Options`.
        folder: of the results.
        shard: of the results.
        claims: an actor of the class `Claims`, or None.
        cores: number of cores for the detector.
        traces: `psccnet.evidence.version` where the scan was started; None without evidence.

    Raises:
        InputError: if this node would use other traces.
    """

    def __init__(
        self, options: dict[str, Any], folder: str, shard: str, claims: Any, cores: int, traces: str | None = None
    ) -> None:
        os.environ["OMP_NUM_THREADS"] = str(cores)
        if traces is not None and version() != traces:
            raise InputError(
                f"{socket.gethostname()} has version {version()} of the traces, the scan {traces}: install the same"
                f" psccnet on all nodes, and set {VARIABLE} on all of them or on none"
            )
        self.options = Options(**{option.name: options[option.name] for option in fields(Options)})
        self.detector = self.options.detector()
        self.folder = ScanFolder(Path(folder), shard)
        self.claims = claims

    def __call__(self, batch: Any) -> dict[str, Any]:
        """Examine the pictures of a batch, write their rows, and return states and reasons."""
        import numpy as np

        columns = {name: batch[name] for name in _LISTING.names}
        listed = pa.table(
            {name: pa.array(columns[name], _LISTING.field(name).type, from_pandas=True) for name in columns}
        )
        items = [_item(row) for row in listed.to_pylist()]
        rows = [row for _, row in look(items, self.detector, self.options, self.claims and self._claim)]
        name = hashlib.sha256(b"".join(item.key for item in items)).hexdigest()[:32]
        self.folder.add(rows, name)
        return {
            "state": np.array([row["state"] for row in rows]),
            "reason": np.array([row.get("reason") or "" for row in rows]),
        }

    def _claim(self, digest: bytes, key: bytes) -> bool:
        import ray

        return bool(ray.get(self.claims.claim.remote(digest, key)))
