"""Double compression: where a JPEG was compressed once while the rest was compressed twice."""

from psccnet.evidence.double_compression.trace import double_compression

__all__ = ["double_compression"]
