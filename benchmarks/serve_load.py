"""Load a server on this machine with requests from several clients: is any lost, and how long does each wait?

python benchmarks/serve_load.py --requests 1000 --clients 16
"""

import argparse
import io
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

PARTS = 8
"""Pieces of the broken files, after each of which the memory is told."""


def pictures(count: int, side: int) -> list[bytes]:
    """Crops of a photograph that scikit-image bundles, as JPEG."""
    import skimage

    with Image.open(Path(skimage.__file__).parent / "data" / "coffee.png") as file:
        photograph = np.asarray(file.convert("RGB"))
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        top, left = (int(rng.integers(0, length - side)) for length in photograph.shape[:2])
        stream = io.BytesIO()
        Image.fromarray(photograph[top : top + side, left : left + side]).save(stream, "JPEG", quality=90)
        made.append(stream.getvalue())
    return made


def start(arguments: list[str]) -> tuple[subprocess.Popen[str], str, float]:
    """A server on a free port, its address, and the seconds that it took to start."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "psccnet", "serve", "--port", "0", *arguments]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    address = re.search(r"http://\S+", server.stdout.readline())
    assert address is not None
    return server, address[0], time.perf_counter() - began


def memory(server: subprocess.Popen[str]) -> int:
    """Resident bytes of the server and its processes."""
    process = psutil.Process(server.pid)
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))


def load(
    url: str, files: list[bytes], requests: int, clients: int, limit: float, evidence: bool = False
) -> tuple[list[float], Counter[str]]:
    """Seconds until each answer, with retries, and how often each status occurred."""
    seconds: list[float] = []
    statuses: Counter[str] = Counter()
    numbers = iter(range(requests))
    lock = threading.Lock()

    def work() -> None:
        with httpx.Client(base_url=url, timeout=limit) as client:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                began = time.perf_counter()
                while True:
                    files_of = {"picture": (f"{number}.jpg", files[number % len(files)])}
                    try:
                        answer = client.post("/v1/detect", files=files_of, data={"evidence": str(evidence).lower()})
                        status = str(answer.status_code)
                    except httpx.HTTPError as error:
                        status = type(error).__name__
                    with lock:
                        statuses[status] += 1
                    if status != "429":
                        break
                    time.sleep(float(answer.headers["Retry-After"]))
                with lock:
                    seconds.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds, statuses


def garbage(count: int) -> list[bytes]:
    """Files of six formats: truncated, overwritten, or not pictures."""
    rng = np.random.default_rng(1)
    whole = []
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
        stream = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8)).save(stream, kind)
        whole.append(stream.getvalue())
    made = []
    for number in range(count):
        data = bytearray(whole[number % len(whole)])
        if number % 3 == 0:
            data = data[: int(rng.integers(1, len(data)))]
        elif number % 3 == 1:
            for at in rng.integers(0, len(data), int(rng.integers(1, 40))):
                data[at] = int(rng.integers(256))
        else:
            data = bytearray(rng.bytes(int(rng.integers(1, 3000))))
        made.append(bytes(data))
    return made


def cut_connections(url: str, count: int) -> None:
    """Uploads that stop in the middle."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    for _ in range(count):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            head = f"POST /v1/detect HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 5000"
            connection.sendall(head.encode() + b"\r\n\r\n" + b"x" * 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--side", type=int, default=96, help="of the pictures, pixels")
    parser.add_argument("--limit", type=float, default=300, help="seconds that a client waits for one answer")
    parser.add_argument("--evidence", action="store_true", help="look for other traces, too")
    parser.add_argument("--garbage", type=int, default=0, help="broken files to send afterwards, and cut connections")
    parser.add_argument("server", nargs="*", help="more arguments of psccnet serve, after --")
    given = parser.parse_args()
    server, url, took = start(given.server)
    try:
        print(f"started in {took:.1f} s")
        files = pictures(32, given.side)
        load(url, files, given.clients, given.clients, given.limit, given.evidence)
        before = memory(server)
        began = time.perf_counter()
        seconds, statuses = load(url, files, given.requests, given.clients, given.limit, given.evidence)
        whole = time.perf_counter() - began
        percentiles = ", ".join(f"p{p} {np.percentile(seconds, p):.2f} s" for p in (50, 95, 99))
        print(f"{given.requests} requests of {given.side} x {given.side} from {given.clients} clients: {percentiles}")
        print(f"{given.requests / whole:.1f} a second; answers: {dict(statuses)}")
        print(f"memory: {before / 1e6:.0f} MB before, {memory(server) / 1e6:.0f} MB after")
        if given.garbage:
            files = garbage(given.garbage)
            load(url, files, given.garbage // 4, given.clients, given.limit, given.evidence)
            before = memory(server)
            cut_connections(url, given.garbage // 10)
            statuses, sizes = Counter[str](), []
            for part in range(PARTS):
                share = files[part::PARTS]
                statuses += load(url, share, len(share), given.clients, given.limit, given.evidence)[1]
                sizes.append(f"{memory(server) / 1e6:.0f}")
            print(f"{given.garbage} broken files, {given.garbage // 10} cut connections: {dict(statuses)}")
            print(f"memory: {before / 1e6:.0f} MB before, {', '.join(sizes)} MB after each {len(share)}")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
