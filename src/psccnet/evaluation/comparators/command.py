"""Any other program as a comparator, by the command that runs it on one picture."""

import hashlib
import shlex
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from psccnet.errors import InputError, PictureError, WriteError
from psccnet.evaluation.comparators.base import Localization, Question, lies_on_its_side
from psccnet.pictures.masks import read_grey
from psccnet.pictures.resampling import resample

PLACES = ("{image}", "{mask}", "{score}", "{folder}")
TIME_LIMIT = 600.0
"""Seconds that a program may take for one picture."""


class Command:
    """A program that is run once for each picture, without a shell.

    In its words stand `{image}`, the picture as a PNG file; `{mask}`, where it is to write its mask, grey with 8 or 16
    bits, black where pristine, of any size; if it has one, `{score}`, where it is to write its score, a number 0..1;
    and `{folder}`, the folder of these three, image.png, mask.png and score.txt, for programs in containers. Without a
    score the mask's maximum counts.

    Args:
        name: of the method.
        words: the command, quoted as in a shell.
        time_limit: seconds that it may take for one picture.

    Raises:
        InputError: if the words name neither the picture nor the folder, or their quotes do not close.
    """

    exit_scales = False
    threshold = float("nan")

    def __init__(self, name: str, words: str, time_limit: float = TIME_LIMIT) -> None:
        try:
            self._words = shlex.split(words)
        except ValueError as error:
            raise InputError(f"{name}: the quotes in its command do not close: {words}") from error
        if not is_command(words):
            raise InputError(f"{name}: its command names neither {{image}} nor {{folder}}: {words}")
        self.name = name
        self.identity = hashlib.sha256(words.encode()).hexdigest()
        self._time_limit = time_limit

    def localize(self, question: Question, /) -> Localization:
        """Run the program on the picture.

        Raises:
            PictureError: if it fails, takes too long, or writes no mask or score that can be read.
            InputError: if there is no such program.
        """
        height, width = question.image.shape[:2]
        with tempfile.TemporaryDirectory(prefix="psccnet-") as made:
            files = (f"{made}/image.png", f"{made}/mask.png", f"{made}/score.txt", made)
            places = dict(zip(PLACES, files, strict=True))
            Image.fromarray(question.image).save(places["{image}"])
            self._run([_filled(word, places) for word in self._words], question.id)
            mask_file, score_file = Path(places["{mask}"]), Path(places["{score}"])
            if not mask_file.is_file():
                raise PictureError(f"{question.id}: {self.name} wrote no mask; it is to write {{mask}}.")
            try:
                levels, _ = read_grey(mask_file)
            except PictureError as error:
                raise PictureError(f"{question.id}: the mask of {self.name} cannot be used: {error}") from error
            if lies_on_its_side(levels, height, width):
                raise PictureError(
                    f"{question.id}: the mask of {self.name} is {levels.shape[1]} x {levels.shape[0]}, the picture"
                    f" {width} x {height}; let it write the mask as the picture is seen."
                )
            mask = resample(levels, height, width)
            if not score_file.is_file():
                return Localization(mask, float(mask.max()))
            return Localization(mask, self._score(score_file, question.id))

    def _run(self, words: list[str], picture: str) -> None:
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, timeout=self._time_limit, check=False
            )
        except subprocess.TimeoutExpired:
            raise PictureError(f"{picture}: {self.name} took more than {self._time_limit:.0f} seconds.") from None
        except (FileNotFoundError, PermissionError) as error:
            raise InputError(f"{self.name}: {words[0]} cannot be run ({error.strerror}); check its path.") from error
        except OSError as error:
            raise WriteError(f"{self.name}: {words[0]} cannot be started ({error.strerror}).") from error
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            why = f": {said[-1]}" if said else ""
            raise PictureError(f"{picture}: {self.name} ended with status {done.returncode}{why}")

    def _score(self, file: Path, picture: str) -> float:
        text = file.read_text(errors="replace").strip()
        try:
            score = float(text)
        except ValueError:
            score = float("nan")
        if not 0 <= score <= 1:
            raise PictureError(f"{picture}: the score of {self.name} is {text[:40]!r}, not a number within 0..1.")
        return score


def is_command(words: str) -> bool:
    """Whether words name a picture or a folder to put in, as commands do."""
    return "{image}" in words or "{folder}" in words


def _filled(word: str, places: dict[str, str]) -> str:
    for name, path in places.items():
        word = word.replace(name, path)
    return word
