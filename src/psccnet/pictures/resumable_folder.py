"""Folders whose making may be cut off at any time and goes on where it was: synthetic sets, runs of an evaluation."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from psccnet.pictures.whole_files import write_whole

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
        """What the folder is of, None if it does not say so."""
        if not self.about.is_file():
            return None
        text = self.about.read_text(encoding="utf-8")
        if self.about.suffix == ".json":
            return dict(json.loads(text))
        import yaml

        return dict(yaml.safe_load(text))

    def say(self, what: Mapping[str, Any], heading: str = "") -> None:
        """Write what the folder is of, below a comment where the file is YAML."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole({self.about: self.text(what, heading)})

    def text(self, what: Mapping[str, Any], heading: str = "") -> bytes:
        """What `say` writes."""
        if self.about.suffix == ".json":
            return json.dumps(what, indent=2).encode()
        import yaml

        return (heading + yaml.safe_dump(dict(what), sort_keys=False)).encode()

    def claim(self, kind: str, what: Mapping[str, Any], may_differ: Collection[str] = ()) -> dict[str, Any] | None:
        """Say what will be made, or see that what was begun is the same; then take away what a killed process left.

        Args:
            kind: "a run", for the message.
            what: plain values by name.
            may_differ: names that need not be the same.

        Returns:
            What the folder said before, None if it was new.

        Raises:
            ValueError: if it is of something else.
        """
        plain = json.loads(json.dumps(what))  # as a file has it, without tuples
        before = self.said()
        if before is None:
            self.say(plain)
        else:
            differs = [name for name, value in plain.items() if name not in may_differ and before.get(name) != value]
            if differs:
                names = ", ".join(differs)
                raise ValueError(
                    f"{self.path} holds {kind} with other {names}; name another folder, or delete this one."
                )
        for pattern in (".*.tmp", "*/.*.tmp"):
            for left in self.path.glob(pattern):
                left.unlink()
        return before

    def kept(self, pattern: str) -> list[Path]:
        """The parts of that pattern in the order of their names."""
        return sorted(self.parts.glob(pattern))

    def keep(self, name: str, content: bytes) -> None:
        """Write a finished part."""
        self.parts.mkdir(exist_ok=True)
        write_whole({self.parts / name: content})

    def finish(self, contents: Mapping[Path, bytes]) -> None:
        """Write what all parts are put together to, and take the parts away."""
        write_whole(contents)
        if self.parts.is_dir():
            for part in self.parts.iterdir():
                part.unlink()
            self.parts.rmdir()
