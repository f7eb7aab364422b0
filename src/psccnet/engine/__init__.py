"""The network on pictures of any size: graphs, tiles and the runtimes that run them."""

import sys
from typing import cast

# `import openvino` and `import nncf` report their use to a server on the internet, by this package; where it cannot be
# imported, they do without. What is looked at here is nobody else's business.
cast("dict[str, object]", sys.modules).setdefault("openvino_telemetry", None)
