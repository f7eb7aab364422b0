"""Folders whose making may be cut off at any time and goes on where it was: synthetic sets, runs of an evaluation."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from psccnet.errors import InputError
from psccnet.pictures.whole_files import make_folder, parse_json, read_text, read_yaml, write_whole, writing

PARTS = ".parts"


class ResumableFolder:
    """A folder that says what it is of and keeps what is finished in parts, until all of it is there.

    Attributes:
        path: the folder.
        about: the file that says what the folder is of, .json or .yaml.
        parts: the folder of what is finished; gone when all of it is.
    """

    def __init__(self, path: Path, about: str) -> None:
        """Look at a folder, which need not be there; `claim` makes it."""
        self.path = path
        self.about = path / about
        self.parts = path / PARTS

    def said(self) -> dict[str, Any] | None:
        """What the folder is of, None if it does not say so.

        Raises:
            InputError: if what it says makes no sense.
        """
        if not self.about.is_file():
            return None
        is_json = self.about.suffix == ".json"
        said = parse_json(read_text(self.about), str(self.about)) if is_json else read_yaml(self.about)
        if not isinstance(said, dict):
            raise InputError(f"{self.about}: not what a folder holds; name another folder, or delete this one.")
        return said

    def text(self, what: Mapping[str, Any], heading: str = "") -> bytes:
        """What the file of the folder holds for plain values by name, below a comment where it is YAML."""
        if self.about.suffix == ".json":
            return json.dumps(what, indent=2).encode()
        import yaml

        return (heading + yaml.safe_dump(dict(what), sort_keys=False)).encode()

    def claim(
        self, kind: str, what: Mapping[str, Any], may_differ: Collection[str] = (), heading: str = ""
    ) -> dict[str, Any] | None:
        """Say what will be made, or see that what was begun is the same; then take away what a killed process left.

        Args:
            kind: "a run", for the message.
            what: plain values by name.
            may_differ: names that need not be the same; the folder then says the new value.
            heading: a comment for a file in YAML.

        Returns:
            What the folder said before, None if it was new.

        Raises:
            InputError: if it is of something else.
            WriteError: if nothing can be written there.
        """
        plain = json.loads(json.dumps(what))  # as a file has it, without tuples
        before = self.said()
        known = before or {}
        differs = [name for name, value in plain.items() if known.get(name) != value]
        forbidden = [name for name in differs if name not in may_differ]
        if before is not None and forbidden:
            names = ", ".join(forbidden)
            raise InputError(f"{self.path} holds {kind} with other {names}; name another folder, or delete this one.")
        make_folder(self.path)
        if before is None or differs:
            write_whole({self.about: self.text({**known, **plain}, heading)})
        for pattern in (".*.tmp", "*/.*.tmp"):
            for left in self.path.glob(pattern):
                with writing(left):
                    left.unlink()
        return before

    def kept(self, pattern: str) -> list[Path]:
        """The parts of that pattern in the order of their names."""
        return sorted(self.parts.glob(pattern))

    def keep(self, name: str, content: bytes) -> None:
        """Write a finished part."""
        make_folder(self.parts)
        write_whole({self.parts / name: content})

    def finish(self, contents: Mapping[Path, bytes]) -> None:
        """Write what all parts are put together to, and take the parts away."""
        write_whole(contents)
        if self.parts.is_dir():
            with writing(self.parts):
                for part in self.parts.iterdir():
                    part.unlink()
                self.parts.rmdir()
