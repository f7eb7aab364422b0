"""The file: how it is built, which program wrote it, and whether what it says about itself is consistent."""

from psccnet.evidence.file.trace import file_trace

__all__ = ["file_trace"]
