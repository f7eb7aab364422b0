"""Other traces in a picture and its file, beside the network: one function per trace, which returns a `Finding`."""

from psccnet.evidence.finding import Finding, Region

__all__ = ["VERSION", "Finding", "Region", "version"]

VERSION = 6
"""Raised with each change of what the traces, the fused mask or the verdict say of a picture.

Evaluations and scans that stored results of another version do not go on with this one."""


def version() -> str:
    """`VERSION`, and which network of square statistics is used where it is not the shipped one."""
    from psccnet.evidence.square_statistics.card import GRAPH, digest, in_use  # with OpenVINO, which takes a while

    path = in_use()
    return str(VERSION) if path == GRAPH else f"{VERSION} with square statistics {digest(path)}"
