"""What the two processes of a server begin with.

Importing it is quick, so that both processes start before the server imports the rest of itself.
"""

from typing import TYPE_CHECKING

from psccnet.serve.settings import Settings
from psccnet.weights.card import Card

if TYPE_CHECKING:
    from psccnet.serve.jobs import DetectionJobs, DrawingJobs


def detection_jobs(settings: Settings) -> "DetectionJobs":
    """Called in the process that detects."""
    from psccnet.serve.jobs import DetectionJobs

    return DetectionJobs(settings)


def drawing_jobs(settings: Settings, card: Card) -> "DrawingJobs":
    """Called in the process that draws."""
    from psccnet.serve.jobs import DrawingJobs

    return DrawingJobs(settings, card)
