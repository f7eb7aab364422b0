"""One picture that a scan has to look at: how it is called, how it is known again, how it is read."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from psccnet.errors import PictureError


class Place(NamedTuple):
    """Where a picture's bytes lie inside a file that holds many.

    Attributes:
        offset: of the first byte.
        size: in bytes.
    """

    offset: int
    size: int


@dataclass(frozen=True)
class Item:
    """One picture.

    Attributes:
        source: as rows and messages call it: a path, a URL, ARCHIVE!MEMBER, or LIST!ROW.
        size: of its file in bytes; -1 where there is no such file.
        stamp: tells one version of the file from another: when it was changed, or what a server says of it.
        file: path or URL of the file that is opened.
        place: in that file, where it holds many pictures.
        content: the bytes themselves, where they came with the listing.
        fault: why there is nothing to read, such as of a folder that may not be listed; "" where there is.
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
        """16 bytes by which the picture is known in a later run, as long as name, size and time are the same."""
        told = f"{self.source}\0{self.size}\0{self.stamp}"
        return hashlib.blake2b(told.encode("utf-8", "surrogateescape"), digest_size=16).digest()

    def read(self) -> bytes:
        """The picture's file.

        Raises:
            PictureError: if it is not there or cannot be read; the message names it.
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
            raise PictureError(f"{self.source}: a folder, not a picture; name it as a source.") from None
        except ValueError as error:  # such as a name with a NUL in it
            raise PictureError(f"{self.source!r}: no name that a file can have; mend the list.") from error
        except OSError as error:
            reason = error.strerror or "the system refuses it"
            raise PictureError(f"{self.source}: cannot be read ({reason}); check path and permissions.") from error


def _fetched(url: str, place: Place | None) -> bytes:
    from psccnet.scan.remote import file_system

    system, path = file_system(url)
    ends = (None, None) if place is None else (place.offset, place.offset + place.size)
    data: bytes = system.cat_file(path, *ends)
    return data
