from pathlib import Path

import pytest

from psccnet.pictures.resumable_folder import ResumableFolder


@pytest.mark.parametrize("about", ["about.json", "about.yaml"])
def test_a_folder_is_begun_taken_up_and_finished(tmp_path: Path, about: str) -> None:
    what = {"seed": 1, "sides": (2, 3), "count": 4}
    begun = ResumableFolder(tmp_path / "new" / "set", about)
    assert begun.description() is None
    assert begun.claim("a set", what) is None
    begun.keep("00001", b"second")
    begun.keep("00000", b"first")
    (begun.path / "images").mkdir()
    (begun.path / "images" / ".a.jpg.7.tmp").touch()

    again = ResumableFolder(begun.path, about)
    assert again.claim("a set", {**what, "count": 5}, ["count"]) == {"seed": 1, "sides": [2, 3], "count": 4}
    assert [part.read_bytes() for part in again.kept("*")] == [b"first", b"second"]
    assert again.description() == {"seed": 1, "sides": [2, 3], "count": 5}
    assert not list(again.path.glob("*/.*"))
    with pytest.raises(ValueError, match=r"set holds a set with other seed, count; name another folder"):
        again.claim("a set", {**what, "seed": 2, "count": 6})
    again.finish({again.path / "whole": b"first second"})
    assert sorted(path.name for path in again.path.iterdir()) == [about, "images", "whole"]
    again.finish({})
