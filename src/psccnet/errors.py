"""What goes wrong through no fault of ours: `PsccnetError` and its kinds, each also the builtin that one expects.

The command line turns these, and nothing else, into one sentence; any other exception is a fault of this package and
keeps its traceback. Each message names the file or argument, what is wrong with it, and the mend.
"""

from collections.abc import Collection


class PsccnetError(Exception):
    """Anything that the user, a file or the machine did; catch this one for all of them."""


class InputError(PsccnetError, ValueError):
    """An argument, a recipe, a list or a data set that cannot be used as it is."""


class MissingFileError(PsccnetError, FileNotFoundError):
    """A file or folder that was named and is not there."""


class PictureError(PsccnetError, ValueError):
    """A picture or a mask that cannot be used; others are done without it."""


class UnusableFileError(PsccnetError, ValueError):
    """A photograph or an object that the synthesis goes on without.

    Attributes:
        name: of the file.
        reason: what is wrong with it.
    """

    def __init__(self, name: str, reason: str) -> None:
        # Both, so that it can be made again from `args` on its way out of another process.
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        """The file and what is wrong with it."""
        return f"{self.name}: {self.reason}"


class WeightsError(PsccnetError, ValueError):
    """Weights, a card or a checkpoint that cannot be read, written or used."""


class ExportError(PsccnetError, ValueError):
    """An exported graph that does not compute what the network computes; it is not kept."""


class NotANumberError(PsccnetError, FloatingPointError):
    """A score, a mask or a loss that is not finite."""


class WriteError(PsccnetError, OSError):
    """A result that cannot be written: the disk is full, or the folder may not be written (exit status 3)."""


def arose_here(error: BaseException) -> bool:
    """Whether an exception was raised by this package's own code, and not by another library's that it called.

    For a place that has to take whatever a decoder raises for the fault of a file: this would be ours.
    """
    inmost = error.__traceback__
    while inmost is not None and inmost.tb_next is not None:
        inmost = inmost.tb_next
    return inmost is not None and str(inmost.tb_frame.f_globals.get("__name__")).startswith("psccnet.")


def listed(names: Collection[str], at_most: int = 5) -> str:
    """The first few names in their order, and how many more there are."""
    shown = ", ".join(list(names)[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"
