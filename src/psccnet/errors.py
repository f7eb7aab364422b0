"""Errors that a user can mend: `PsccnetError` and its kinds. Each kind is also the matching builtin exception.

The command line prints these, and no others, as one sentence. Any other exception is a bug of this package and keeps
its traceback. Each message names the file or argument, says what is wrong with it, and how to mend it.
"""

from collections.abc import Collection


class PsccnetError(Exception):
    """Base class of all errors that come from the user's input, a file or the machine."""


class InputError(PsccnetError, ValueError):
    """An argument, a recipe, a list or a data set cannot be used."""


class MissingFileError(PsccnetError, FileNotFoundError):
    """A named file or folder does not exist."""


class PictureError(PsccnetError, ValueError):
    """A picture or a mask cannot be used. Commands name it and continue with the others."""


class UnusableFileError(PsccnetError, ValueError):
    """The synthesis cannot use a photograph or an object, and continues without it.

    Attributes:
        name: the file's name.
        reason: what is wrong with it.

    Examples:
        >>> print(UnusableFileError("photo.jpg", "truncated"))
        photo.jpg: truncated
    """

    def __init__(self, name: str, reason: str) -> None:
        # Both arguments are passed on, since unpickling an exception calls its class with `args`.
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        """The file's name and what is wrong with it."""
        return f"{self.name}: {self.reason}"


class WeightsError(PsccnetError, ValueError):
    """Weights, a card or a checkpoint cannot be read, written or used."""


class ExportError(PsccnetError, ValueError):
    """An exported graph does not compute what the network computes; it is not kept."""


class NotANumberError(PsccnetError, FloatingPointError):
    """A score, a mask or a loss is not finite."""


class WriteError(PsccnetError, OSError):
    """A result cannot be written: the disk is full, or there is no permission (exit status 3)."""


def arose_here(error: BaseException) -> bool:
    """Whether an exception was raised by this package's own code, not by a library that it called.

    Some callers have to treat any exception of a decoder as a damaged file. They use this to let our own bugs through.
    """
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    return innermost is not None and str(innermost.tb_frame.f_globals.get("__name__")).startswith("psccnet.")


def listed(names: Collection[str], at_most: int = 5) -> str:
    """Join the first `at_most` names with commas, and say how many more there are.

    Examples:
        >>> listed(["a.jpg", "b.jpg", "c.jpg"], at_most=2)
        'a.jpg, b.jpg and 1 more'
    """
    shown = ", ".join(list(names)[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"
