"""Output folders whose writing can be interrupted at any time and resumed: synthetic sets, evaluation runs."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from psccnet.errors import InputError
from psccnet.pictures.whole_files import make_folder, parse_json, read_text, read_yaml, write_whole, writing

PARTS = ".parts"


class ResumableFolder:
    """A folder with a file that describes it, and with the finished parts until all parts are there.

    Attributes:
        path: the folder.
        about: the file that describes what the folder holds, .json or .yaml.
        parts: the subfolder of finished parts; removed at the end.
    """

    def __init__(self, path: Path, about: str) -> None:
        """Name a folder, which need not exist yet; `claim` makes it."""
        self.path = path
        self.about = path / about
        self.parts = path / PARTS

    def description(self) -> dict[str, Any] | None:
        """The folder's description; None if it has none.

        Raises:
            InputError: if the description is not a mapping.
        """
        if not self.about.is_file():
            return None
        is_json = self.about.suffix == ".json"
        described = parse_json(read_text(self.about), str(self.about)) if is_json else read_yaml(self.about)
        if not isinstance(described, dict):
            raise InputError(f"{self.about}: not a description of a folder; name another folder, or delete this one.")
        return described

    def text(self, what: Mapping[str, Any], heading: str = "") -> bytes:
        """The content of the description file for plain values by name; a YAML file begins with `heading`."""
        if self.about.suffix == ".json":
            return json.dumps(what, indent=2).encode()
        import yaml

        return (heading + yaml.safe_dump(dict(what), sort_keys=False)).encode()

    def claim(
        self, kind: str, what: Mapping[str, Any], may_differ: Collection[str] = (), heading: str = ""
    ) -> dict[str, Any] | None:
        """Write the folder's description, or check it against the one that is there; remove temporary files.

        Args:
            kind: what the folder holds, such as "a run"; for the message.
            what: the description: plain values by name.
            may_differ: names whose values may change; the new value is written.
            heading: a comment for the top of a YAML file.

        Returns:
            The description that was there before; None if the folder is new.

        Raises:
            InputError: if the folder has a different description.
            WriteError: if the folder cannot be written.
        """
        plain = json.loads(json.dumps(what))  # as read back from a file: lists instead of tuples
        before = self.description()
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
        """The finished parts that match a glob pattern, sorted by name."""
        return sorted(self.parts.glob(pattern))

    def keep(self, name: str, content: bytes) -> None:
        """Write a finished part."""
        make_folder(self.parts)
        write_whole({self.parts / name: content})

    def finish(self, contents: Mapping[Path, bytes]) -> None:
        """Write the final files, then delete the parts."""
        write_whole(contents)
        if self.parts.is_dir():
            with writing(self.parts):
                for part in self.parts.iterdir():
                    part.unlink()
                self.parts.rmdir()
