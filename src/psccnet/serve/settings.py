"""The settings of a server."""

from dataclasses import dataclass

LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """The limits of a server, and the weights and runtime that it uses.

    Attributes:
        weights: a bundled name, a `.safetensors` path, or a folder of quantized parts.
        backend: see `psccnet.load`.
        device: see `psccnet.load`.
        precision: see `psccnet.load`.
        hosts: names that a request may call the server by; any other is refused, so that no page from elsewhere gets in
            by a name of its own.
        api_key: what a request has to bring; none where empty.
        max_bytes: of one picture's file.
        max_pixels: of one picture.
        max_batch: pictures in one request.
        queue: requests that may wait or be worked on at a time; more are answered 429.
        seconds: that one picture may take; then its process is ended and the request answered 504.
        upload_seconds: that a request may take to arrive.
        keep_seconds: how long a result can be asked for.
        keep_bytes: of memory for all results; the oldest go first.
    """

    weights: str = "default"
    backend: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    hosts: tuple[str, ...] = LOCAL_NAMES
    api_key: str = ""
    max_bytes: int = 32 << 20
    max_pixels: int = 50_000_000
    max_batch: int = 16
    queue: int = 32
    seconds: float = 120.0
    upload_seconds: float = 60.0
    keep_seconds: float = 1800.0
    keep_bytes: int = 256 << 20

    def body_limit(self, path: str) -> int:
        """Largest body of a request to a path, bytes; base64 takes a third more than the file.

        Examples:
            >>> Settings(max_bytes=3_000_000).body_limit("/v1/detect")
            4065536
        """
        if not path.startswith("/v1/detect"):
            return 1 << 14
        pictures = 4 if path == "/v1/detect/batch" else 1
        return pictures * self.max_bytes * 4 // 3 + (1 << 16)
