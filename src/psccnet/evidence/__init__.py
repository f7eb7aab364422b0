"""Other traces in a picture and its file, beside the network: one function per trace, which returns a `Finding`."""

from psccnet.evidence.finding import Finding, Region

__all__ = ["VERSION", "Finding", "Region"]

VERSION = 5
"""Raised with each change of what the traces, the fused mask or the verdict say of a picture.

Evaluations and scans that stored results of another version do not go on with this one."""
