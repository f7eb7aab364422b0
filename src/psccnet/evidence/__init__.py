"""Other traces in a picture and its file, beside the network: one function per trace, which returns a `Finding`."""

from psccnet.evidence.finding import Finding, Region

__all__ = ["Finding", "Region"]
