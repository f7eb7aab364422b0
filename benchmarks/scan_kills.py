"""Kill scans at random moments, locally and on a Ray cluster: are rows lost or doubled?

Locally, `psccnet scan` is killed (SIGKILL) several times, then runs to its end. On a cluster of several nodes on this
machine, nodes are removed while it runs. The rows are then compared with those of an undisturbed run. Examples:

    python benchmarks/scan_kills.py --kills 20

    python benchmarks/scan_kills.py --kills 2 --ray
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from psccnet.scan.querying import ask, connect


def make(folder: Path, count: int) -> None:
    """Distinct pictures of coloured blocks."""
    folder.mkdir()
    for number in range(count):
        rng = np.random.default_rng(number)
        pixels = np.kron(rng.integers(0, 256, (16, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:05d}.png")


def command(photos: Path, out: Path, *more: str) -> list[str]:
    words = ["scan", str(photos), "--out", str(out), "--exit-scale", "4", "--no-evidence", "--weights", "unshuffled"]
    return [sys.executable, "-m", "psccnet", *words, *more]


def killed(photos: Path, out: Path, kills: int, workers: int) -> None:
    rng = np.random.default_rng(1)
    for number in range(kills):
        process = subprocess.Popen(command(photos, out, "--workers", str(workers)), stderr=subprocess.DEVNULL)
        time.sleep(float(rng.uniform(5, 40)))  # a part is written every 15 s
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = len(list(out.glob("parts/*/*.parquet")))
        print(f"kill {number + 1}: {done} parts", flush=True)
    subprocess.run(command(photos, out, "--workers", str(workers)), check=True)


def nodes_lost(photos: Path, out: Path, kills: int, nodes: int) -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    extra = [cluster.add_node(num_cpus=1) for _ in range(nodes - 1)]
    scan = threading.Thread(
        target=subprocess.run, args=(command(photos, out, "--ray", cluster.address, "--workers", str(nodes)),)
    )
    scan.start()
    for number in range(kills):
        while len(list(out.glob("parts/*/*.parquet"))) < 2 * (number + 1) and scan.is_alive():
            time.sleep(0.2)
        cluster.remove_node(extra.pop(), allow_graceful=False)
        print(f"node {number + 1} of {nodes} is gone", flush=True)
    scan.join()
    cluster.shutdown()


def rows(out: Path) -> dict[str, float]:
    return dict(ask(connect(out), "SELECT source, score FROM results")[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--ray", action="store_true", help="take nodes away from a cluster of --nodes on this machine")
    parser.add_argument("--nodes", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        photos, out, undisturbed = (Path(made, name) for name in ("photos", "out", "undisturbed"))
        make(photos, given.pictures)
        if given.ray:
            nodes_lost(photos, out, given.kills, given.nodes)
        else:
            killed(photos, out, given.kills, given.workers)
        subprocess.run(command(photos, undisturbed), check=True)
        found, expected = rows(out), rows(undisturbed)
        written = ask(connect(out), f"SELECT count(*) FROM read_parquet('{out}/parts/*/*.parquet')")[1][0][0]
        apart = max((abs(found[name] - expected[name]) for name in found.keys() & expected.keys()), default=0.0)
        print(
            f"{given.pictures} pictures, {given.kills} kills: {len(expected.keys() - found.keys())} rows lost,"
            f" {written - len(found)} doubled, scores at most {apart:.1e} apart"
        )


if __name__ == "__main__":
    main()
