"""Run the network on pictures of any size: graphs, tiles and runtimes."""

import sys
from typing import cast

# `import openvino` and `import nncf` report their use to a server on the internet through the package
# `openvino_telemetry`. If it cannot be imported, as here, they report nothing: use of this program is private.
cast("dict[str, object]", sys.modules).setdefault("openvino_telemetry", None)
