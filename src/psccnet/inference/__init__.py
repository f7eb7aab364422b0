"""Picture bytes in, `Result` out; no torch until a backend that needs it is loaded."""

from psccnet.errors import PictureError
from psccnet.inference.detector import Detector, load_detector
from psccnet.inference.result import Result

__all__ = ["Detector", "PictureError", "Result", "load_detector"]
