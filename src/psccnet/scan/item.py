"""A picture of a scan: its name, the key by which a later run recognises it, and how it is read."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from psccnet.errors import InputError, PictureError


class Place(NamedTuple):
    """The position of a picture's bytes in a file that holds many pictures.

    Attributes:
        offset: of the first byte.
        size: in bytes.
    """

    offset: int
    size: int


@dataclass(frozen=True)
class Item:
    """A picture of a scan.

    Attributes:
        source: its name in rows and messages: a path, a URL, ARCHIVE!MEMBER, or TABLE!ROW.
        size: of its file in bytes; -1 if there is no such file.
        stamp: identifies the version of the file: the time of its last change, or what a server gives instead.
        file: path or URL of the file to open.
        place: position in that file, if it holds many pictures.
        content: the bytes, if they came with the listing.
        fault: why there is nothing to read, such as a folder that cannot be listed; otherwise "".

    Examples:
        >>> item = Item("a.jpg", size=100, stamp="2026-01-01", file="a.jpg")
        >>> len(item.key), item.key == Item("a.jpg", 100, "2026-01-01", "moved/a.jpg").key
        (16, True)
        >>> item.key == Item("a.jpg", 101, "2026-01-01", "a.jpg").key
        False
    """

    source: str
    size: int
    stamp: str
    file: str
    place: Place | None = None
    content: bytes | None = None
    fault: str = ""

    @property
    def key(self) -> bytes:
        """16 bytes that are the same in a later run as long as source, size and stamp are."""
        identity = f"{self.source}\0{self.size}\0{self.stamp}"
        return hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=16).digest()

    def read(self) -> bytes:
        """Read the bytes of the picture's file.

        Raises:
            PictureError: if it does not exist or cannot be read; the message names it.
        """
        if self.fault:
            raise PictureError(f"{self.source}: {self.fault}.")
        if self.content is not None:
            return self.content
        try:
            if "://" in self.file:
                return _fetched(self.file, self.place)
            with Path(self.file).open("rb") as file:
                if self.place is None:
                    return file.read()
                file.seek(self.place.offset)
                return file.read(self.place.size)
        except (FileNotFoundError, NotADirectoryError):
            raise PictureError(f"{self.source}: there is no such file; check the path.") from None
        except IsADirectoryError:
            raise PictureError(f"{self.source}: a folder, not a picture; give it as a source.") from None
        except InputError as error:  # of remote storage
            raise PictureError(str(error)) from error
        except ValueError as error:  # such as a name with a NUL in it
            raise PictureError(f"{self.source!r}: not a possible file name; correct the list.") from error
        except OSError as error:
            reason = error.strerror or "the system refuses it"
            raise PictureError(f"{self.source}: cannot be read ({reason}); check path and permissions.") from error


def _fetched(url: str, place: Place | None) -> bytes:
    from psccnet.scan.remote import fetch

    return fetch(url) if place is None else fetch(url, place.offset, place.offset + place.size)
