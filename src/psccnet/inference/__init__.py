"""Picture bytes in, `Result` out; no torch until a backend that needs it is loaded."""

from psccnet.inference.decoding import PictureError
from psccnet.inference.detector import Detector, load
from psccnet.inference.result import Result

__all__ = ["Detector", "PictureError", "Result", "load"]
