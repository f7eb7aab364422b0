"""The network as a comparator."""

from psccnet.evaluation.comparators.base import Localization, Question
from psccnet.inference import Detector


class Network:
    """PSCC-Net with some weights; its score is the detection head's.

    Args:
        detector: with its weights.
    """

    exit_scales = True

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.name = detector.card.name
        backend = detector.engine.backend
        self.identity = f"{detector.card.identity} {backend.name} {backend.precision}"
        self.threshold = detector.card.threshold

    def localize(self, question: Question, /) -> Localization:
        """Detect and localize, down to the question's exit scale."""
        result = self.detector.detect(question.image, exit_scale=question.exit_scale)
        return Localization(result.mask, result.score)
