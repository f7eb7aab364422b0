"""PSCC-Net: find out whether a picture was manipulated, and where.

import psccnet
detector = psccnet.load()
result = detector.detect("photo.jpg")
print(result.verdict, result.score)
"""

from typing import TYPE_CHECKING, Any

from psccnet import errors
from psccnet.version import __version__

if TYPE_CHECKING:
    from psccnet.inference import Detector, Result
    from psccnet.inference import load_detector as load

__all__ = ["Detector", "Result", "__version__", "errors", "load"]


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that `import psccnet` stays fast."""
    if name in ("Detector", "Result", "load"):
        from psccnet import inference

        return getattr(inference, {"load": "load_detector"}.get(name, name))
    raise AttributeError(f"module 'psccnet' has no attribute {name!r}")
