"""Metrics and protocols (Section IV-A.2)."""
