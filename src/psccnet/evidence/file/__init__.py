"""The file: how it is built, what wrote it, and whether what it says of itself fits together."""

from psccnet.evidence.file.trace import file_trace

__all__ = ["file_trace"]
