"""What an actor does, without a cluster; benchmarks/scan_kills.py has the cluster."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.errors import InputError
from psccnet.scan.cluster import BATCH, BLOCK, _blocks, _item, _Looker
from psccnet.scan.item import Item, Place
from psccnet.scan.looking import Options
from psccnet.scan.querying import ask, connect
from psccnet.scan.scanning import Scan
from psccnet.scan.sources import Sources


def test_names_come_back_from_the_store() -> None:
    items = [
        Item("a.png", 3, "7", "/a.png"),
        Item("s.tar!b.png", 4, "8", "s3://x/s.tar", Place(512, 4)),
        Item("\udcff.png", -1, "", "/\udcff.png", fault="gone"),
    ]
    (block,) = _blocks(iter(items))
    assert [_item(row) for row in block.to_pylist()] == items
    # An actor may work in another folder.
    (relative,) = _blocks(iter([Item("a.png", 3, "7", "a.png")]))
    assert _item(relative.to_pylist()[0]) == Item("a.png", 3, "7", str(Path.cwd() / "a.png"))
    with pytest.raises(InputError, match="--ray takes tables with paths of pictures, not with their bytes"):
        list(_blocks(iter([Item("t!0", 1, "", "t", content=b"x")])))


def test_blocks_grow() -> None:
    sizes = [len(block) for block in _blocks(Item(str(number), 1, "", "x") for number in range(4_000))]
    assert sizes[:3] == [BATCH, 2 * BATCH, 4 * BATCH]
    assert max(sizes) == BLOCK
    assert sum(sizes) == 4_000


@pytest.mark.slow
def test_a_batch_that_is_done_twice_is_there_once(
    tmp_path: Path, weights_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "photos").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 48, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    options = Options(str(weights_file), precision="float32", device="cpu", evidence=False)
    sources, out = Sources([str(tmp_path / "photos")]), tmp_path / "out"
    scan = Scan(sources, out, options)
    scan.folder.claim(options.key(options.detector()) | {"dedupe": False})
    (block,) = _blocks(sources.items())
    batch = {name: block[name].to_numpy(zero_copy_only=False) for name in block.column_names}
    for _ in range(2):  # as when a node dies after writing
        looker = _Looker(asdict(options), str(out), "1-of-1", None, 1)
        told = looker(batch)
    assert sorted(told["state"]) == ["done", "done", "done", "failed"]
    assert "not a picture" in max(told["reason"])
    assert ask(connect(out), f"SELECT count(*) FROM read_parquet('{out}/parts/*/*.parquet')")[1] == [(4,)]
    assert list(Scan(sources, out, options).run()) == []


def test_a_node_with_other_traces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has version \d+ of the traces, the scan another: .* PSCCNET_SQUARES on all"):
        _Looker(asdict(Options()), str(tmp_path), "1-of-1", None, 1, "another")
