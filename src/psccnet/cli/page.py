"""`psccnet page`: write the page without a server."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number


def page(
    *,
    out: Annotated[Path, Parameter(name=("--out", "-o"))],
    weights: str = "default",
    runtime: Path | None = None,
    max_megapixels: Annotated[float, Parameter(validator=Number(gt=0, lte=100))] = 16,
) -> None:
    """Write the page of psccnet serve as static files for any web host: the visitor's browser runs the network.

    No picture leaves the browser. Only the network is used: other traces and PDF reports need psccnet serve. The
    runtime, onnxruntime-web, is downloaded by npm and verified, or taken from --runtime.

    For example:

        psccnet page --out site/

        psccnet page --out site/ --weights unshuffled --runtime onnxruntime-web-1.30.0.tgz

    Args:
        out: folder to write, about 27 MB; made if missing.
        weights: a bundled name, a .safetensors file, or a folder in the released layout.
        runtime: the file written by npm pack onnxruntime-web@1.30.0, or a folder with the package.
        max_megapixels: the page refuses larger pictures; a megapixel takes 10 to 60 s in a browser.
    """
    from psccnet.serve.site import write_site

    done = write_site(out, weights, runtime, int(max_megapixels * 1e6))
    print(out / "index.html")
    print(
        f"psccnet: {len(done.files)} files, {done.size / 1e6:.0f} MB. Browsers load them only over HTTP; to try it:"
        f" python -m http.server --directory {out}",
        file=sys.stderr,
    )
