"""Traces of a picture and its file beside the network: one function a trace, each gives a `Finding`. Needs no torch."""

from psccnet.evidence.finding import Finding, Region

__all__ = ["Finding", "Region"]
