"""Any other program as a comparator, by the command that runs it on one picture."""

import hashlib
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from psccnet.errors import InputError, PictureError, WriteError
from psccnet.evaluation.comparators.base import Localization, Question, lies_on_its_side
from psccnet.pictures.masks import read_grey
from psccnet.pictures.resampling import resample

PLACES = ("{image}", "{mask}", "{score}", "{folder}", "{file}")
TIME_LIMIT = 600.0
"""Seconds that a program may take for one picture."""


class Command:
    """A program that is run once for each picture, without a shell.

    In the command stand `{image}`, the picture as a PNG file; `{mask}`, where it is to write its mask, grey with 8 or
    16 bits, black where pristine, of any size; if it has one, `{score}`, where it is to write its score, a number 0..1;
    and `{folder}`, the folder of these three, image.png, mask.png and score.txt, for programs in containers. `{file}`
    is the picture's own file, for programs that read JPEG's coefficients; where the picture was distorted or resized,
    or is turned by EXIF, it is `{image}`. Without a score the mask's maximum counts.

    Args:
        name: of the method.
        command: quoted as in a shell.
        time_limit: seconds that it may take for one picture.

    Raises:
        InputError: if the command names neither the picture nor the folder, or its quotes do not close.
    """

    exit_scales = False
    threshold = float("nan")

    def __init__(self, name: str, command: str, time_limit: float = TIME_LIMIT) -> None:
        try:
            self._arguments = shlex.split(command)
        except ValueError as error:
            raise InputError(f"{name}: the quotes in its command do not close: {command}") from error
        if not is_command(command):
            raise InputError(f"{name}: its command names none of {{image}}, {{file}} and {{folder}}: {command}")
        self.name = name
        self.identity = hashlib.sha256(command.encode()).hexdigest()
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
            own = question.file if question.orientation == 1 else None
            places = dict(zip(PLACES, (*files, str(own or files[0])), strict=True))
            Image.fromarray(question.image).save(places["{image}"])
            self._run([_filled(argument, places) for argument in self._arguments], question.id)
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

    def _run(self, arguments: list[str], picture: str) -> None:
        try:
            done = subprocess.run(
                arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=self._time_limit, check=False
            )
        except subprocess.TimeoutExpired:
            raise PictureError(f"{picture}: {self.name} took more than {self._time_limit:.0f} seconds.") from None
        except (FileNotFoundError, PermissionError) as error:
            raise InputError(
                f"{self.name}: {arguments[0]} cannot be run ({error.strerror}); check its path."
            ) from error
        except OSError as error:
            raise WriteError(f"{self.name}: {arguments[0]} cannot be started ({error.strerror}).") from error
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


def is_command(text: str) -> bool:
    """Whether a text names a picture or a folder to put in, as commands do.

    Examples:
        >>> is_command("python detect.py {image} {mask}"), is_command("masks/")
        (True, False)
    """
    return any(place in text for place in ("{image}", "{folder}", "{file}"))


def _filled(argument: str, places: dict[str, str]) -> str:
    """An argument with the paths put in; what stands in a path is not looked at again."""
    return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], argument)
