"""Find or download onnxruntime-web, which runs the network in the browser, and verify it."""

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from psccnet.errors import InputError
from psccnet.pictures.whole_files import reading

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
INTEGRITY = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""SHA-512 of the package's file, in base64, as npm states it."""
FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""Name -> sha256 of the files that the page needs; together 14 MB."""
SECONDS = 300
"""Time limit of the download."""
LICENCE = f"""{PACKAGE} {VERSION}
Copyright (c) Microsoft Corporation. All rights reserved.

MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
"""Written out here, since the package has no licence file."""
_BY_HAND = f"run `npm pack {PACKAGE}@{VERSION}` where there is a network, and give the file by --runtime"


def runtime_files(path: Path | None) -> dict[str, bytes]:
    """Return the runtime's files by name, verified by their digests, and its licence.

    Args:
        path: the file that `npm pack` wrote, or a folder with the package in it; downloaded by npm where left out.

    Raises:
        InputError: if it cannot be read or downloaded, or is not the version that the page was tested with.
        MissingFileError: if there is no such file or folder.
    """
    if path is None:
        found = _downloaded()
    elif path.is_dir():
        folder = next((place for place in (path / "dist", path / "package" / "dist", path) if place.is_dir()), path)
        folder = folder if (folder / next(iter(FILES))).is_file() else path
        found = {}
        for name in FILES:
            with reading(folder / name):
                found[name] = (folder / name).read_bytes()
    else:
        with reading(path):
            found = _unpacked(path.read_bytes(), str(path))
    for name, digest in FILES.items():
        if hashlib.sha256(found[name]).hexdigest() != digest:
            raise InputError(f"{path}: its {name} is not that of {PACKAGE} {VERSION}; {_BY_HAND}")
    return {**found, "LICENSE.txt": LICENCE.encode()}


def _downloaded() -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(f"npm, which downloads {PACKAGE}, is not installed: {_BY_HAND}")
    with TemporaryDirectory() as folder:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", folder, "--prefer-offline", "--silent"]
        command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]  # without a network, the answer comes soon
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=SECONDS)
            written = next(Path(folder).glob("*.tgz"))
            return _unpacked(written.read_bytes(), f"the download of {PACKAGE}")
        except (subprocess.SubprocessError, OSError, StopIteration):
            raise InputError(f"{PACKAGE} {VERSION} cannot be downloaded from the npm registry: {_BY_HAND}") from None


def _unpacked(data: bytes, name: str) -> dict[str, bytes]:
    """Extract the files that the page needs from the package's archive."""
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != INTEGRITY:
        raise InputError(f"{name} is not {PACKAGE} {VERSION} as the npm registry has it, or was cut off: {_BY_HAND}")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for file in FILES:
            member = archive.extractfile(f"package/dist/{file}")
            assert member is not None  # the digest says that it is there
            found[file] = member.read()
    return found
