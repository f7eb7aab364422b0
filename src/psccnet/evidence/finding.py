"""The result of one trace for one picture."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

TITLES = {
    "copy-move": "Copied parts",
    "jpeg-grid": "JPEG squares",
    "colour-filter": "Colour filter",
    "double-compression": "Compressed once or twice",
    "square-statistics": "Statistics of squares",
    "ela": "Error levels",
    "noise": "Noise",
    "file": "What the file tells",
}
"""Name of a trace -> its title for people. A user's own trace is shown by its name."""


@dataclass(frozen=True)
class Region:
    """A part of the picture that a finding is about.

    Attributes:
        outline: corners (x, y) in pixels of the upright picture, in order around the region.
        label: what it is, such as "source" or "target"; empty if there is only one kind.
    """

    outline: tuple[tuple[int, int], ...]
    label: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {"outline": [list(corner) for corner in self.outline], "label": self.label}


@dataclass(frozen=True)
class Finding:
    """The result of one trace for one picture.

    Attributes:
        name: of the trace, such as "copy-move"; each trace always uses the same name.
        sentence: what was found in this picture, for readers without training.
        how_to_read: what the trace is, and what it cannot tell.
        false_alarms: how often an untouched picture shows as much: an expected number per picture (NFA) or a calibrated
            p-value, at least 0. None if the finding only informs and is no sign of a forgery.
        significant: whether the trace speaks for a manipulation, at its stated rate of false alarms.
        regions: the parts that the trace outlines, if any.
        map: (h, w) float32, 0..1, of the whole picture, at any size; None if the trace has no map.
        source: the paper or specification that the trace follows.

    Examples:
        >>> finding = Finding("ela", "One more compression changes the sky.")
        >>> finding.title, finding.false_alarms, finding.significant
        ('Error levels', None, False)
    """

    name: str
    sentence: str
    how_to_read: str = ""
    false_alarms: float | None = None
    significant: bool = False
    regions: tuple[Region, ...] = ()
    map: NDArray[np.float32] | None = field(default=None, repr=False)
    source: str = ""

    @property
    def title(self) -> str:
        """The trace's name for people."""
        return TITLES.get(self.name, self.name.capitalize())

    def to_dict(self) -> dict[str, Any]:
        """All but the map, as plain values for JSON."""
        return {
            "name": self.name,
            "sentence": self.sentence,
            "how_to_read": self.how_to_read,
            "false_alarms": self.false_alarms,
            "significant": self.significant,
            "regions": [region.to_dict() for region in self.regions],
            "source": self.source,
        }
