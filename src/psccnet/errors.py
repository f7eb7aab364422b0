"""What goes wrong with weights."""

from collections.abc import Collection


class WeightsError(ValueError):
    """Weights that cannot be read, written or used; the message names the file and the mend."""


def listed(names: Collection[str], at_most: int = 5) -> str:
    """The first few names in their order, and how many more there are."""
    shown = ", ".join(list(names)[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"
