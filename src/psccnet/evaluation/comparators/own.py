"""A method of the user's own, found by an import path or an entry point."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psccnet.errors import InputError
from psccnet.evaluation.comparators.base import Comparator, Localization, Question, lies_on_its_side
from psccnet.extensions import identity_of
from psccnet.pictures.sample import Picture


class Own:
    """A function that looks at a picture, as a comparator.

    Args:
        name: in rows, tables and folders.
        look: is given the picture, (H, W, 3) uint8 RGB, and returns its mask, or the mask and a score. The mask is
            (h, w) of any size, its numbers 0 (pristine) to 1 (forged); the score is 0..1, the mask's maximum where
            there is none.
        identity: changes when the answers do.
        threshold: score from which it calls a picture forged; NaN where it has no such verdict.
    """

    exit_scales = False

    def __init__(
        self,
        name: str,
        look: Callable[[Picture], Any],
        identity: str,
        threshold: float = float("nan"),
    ) -> None:
        self.name = name
        self.identity = identity
        self.threshold = threshold
        self._look = look

    def localize(self, question: Question, /) -> Localization:
        """Ask the function.

        Raises:
            InputError: if its answer is no mask and score.
        """
        answer = self._look(question.image)
        mask, score = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
        values = _mask(mask, f"{self.name}, {question.id}")
        height, width = question.image.shape[:2]
        if lies_on_its_side(values, height, width):
            raise InputError(
                f"{self.name}, {question.id}: its mask has shape {values.shape}, the picture {(height, width)}; return"
                " rows before columns."
            )
        score = float(values.max()) if score is None else float(score)
        if not 0 <= score <= 1:
            raise InputError(f"{self.name}, {question.id}: its score is {score}; return one within 0..1.")
        return Localization(values, score)


def _mask(answer: Any, what: str) -> NDArray[np.float32]:
    values = np.asarray(answer)
    if values.ndim != 2 or not values.size or values.dtype.kind not in "bfiu":
        raise InputError(
            f"{what}: its answer has shape {values.shape} and type {values.dtype}; return a mask (h, w) of numbers"
            " within 0..1, or a mask and a score."
        )
    # NaN is not within the range either.
    if not (values.min() >= 0 and values.max() <= 1):
        raise InputError(f"{what}: its mask runs from {values.min()} to {values.max()}; bring it to 0..1.")
    return np.ascontiguousarray(values, np.float32)


def own_comparator(found: Any, path: str, name: str = "") -> Comparator:
    """A comparator from what an import path or entry point names.

    Args:
        found: a comparator (`psccnet.evaluation.comparators.base.Comparator`: what has an `identity`); an object with
            `localize(picture)`; a function of a picture, see `Own`; or a class that makes one of these without
            arguments.
        path: module:function or entry point that named it, for messages.
        name: what to call it; its own name where left out.

    Raises:
        InputError: if it is none of these.
    """
    thing = found() if isinstance(found, type) else found
    title = name or getattr(thing, "name", "") or getattr(found, "__name__", "") or path.rpartition(":")[2]
    look = getattr(thing, "localize", thing)
    if not callable(look):
        raise InputError(f"{path}: is no function and has no localize(picture); see docs/extending.md.")
    if look is not thing and hasattr(thing, "identity"):
        comparator: Comparator = thing
        return comparator
    return Own(title, look, identity_of(thing), float(getattr(thing, "threshold", float("nan"))))
