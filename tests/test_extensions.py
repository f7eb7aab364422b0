"""Code of users by its name, and the examples of docs/extending.md as they stand there."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.datasets.catalogue import data_set, find
from psccnet.errors import InputError
from psccnet.evaluation.comparators import Question, find_comparator
from psccnet.extensions import find_extension, identity_of, is_import_path
from psccnet.synthesis.own import forge, name_of

DOCS = Path(__file__).parents[1] / "docs" / "extending.md"
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder of its own, with the modules that docs/extending.md tells to save."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL):
        (tmp_path / block.partition("\n")[0].removeprefix("# ")).write_text(block)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_the_examples_are_short(here: Path) -> None:
    files = sorted(here.glob("*.py"))
    assert [file.name for file in files] == ["my_edits.py", "my_methods.py", "my_sets.py"]
    assert all(len(file.read_text().splitlines()) < 20 for file in files)


def test_a_function_is_a_comparator(here: Path) -> None:
    comparator = find_comparator("my_methods:saturation")
    answer = comparator.localize(Question(PICTURE, "one.png"))
    assert answer.mask == pytest.approx((PICTURE.max(axis=2) - PICTURE.min(axis=2)) / 255)
    assert answer.score == pytest.approx(float(answer.mask.max()))
    assert (comparator.name, comparator.exit_scales) == ("saturation", False)
    assert find_comparator("colours=my_methods:saturation").name == "colours"


def test_a_comparators_identity_is_its_files(here: Path) -> None:
    before = find_comparator("my_methods:saturation").identity
    (here / "my_methods.py").write_text((here / "my_methods.py").read_text() + "\n")
    assert find_comparator("my_methods:saturation").identity != before


def test_a_class_is_made_once_and_may_have_a_score(here: Path) -> None:
    (here / "mine.py").write_text(
        "import numpy as np\n"
        "class Mine:\n"
        "    name, threshold = 'm', 0.25\n"
        "    def localize(self, picture):\n"
        "        return np.zeros((2, 3)), 0.75\n"
    )
    comparator = find_comparator("mine:Mine")
    answer = comparator.localize(Question(PICTURE, "one.png"))
    assert (comparator.name, comparator.threshold, answer.score, answer.mask.shape) == ("m", 0.25, 0.75, (2, 3))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return picture", "shape (48, 48, 3) and type uint8; return a mask"),
        ("return picture[..., 0]", "its mask runs from 0 to 255; bring it to 0..1"),
        ("return picture[..., 0] * float('nan')", "its mask runs from nan to nan; bring it to 0..1"),
        ("return picture[..., 0] > 9, 7", "its score is 7.0; return one within 0..1"),
    ],
)
def test_an_answer_that_is_no_mask(here: Path, body: str, message: str) -> None:
    (here / "wrong.py").write_text(f"def look(picture):\n    {body}\n")
    with pytest.raises(InputError, match=re.escape(message)):
        find_comparator("wrong:look").localize(Question(PICTURE, "one.png"))


def test_a_mask_of_columns_before_rows(here: Path) -> None:
    (here / "wrong.py").write_text("def look(picture):\n    return picture[..., 0].T > 9\n")
    comparator = find_comparator("wrong:look")
    with pytest.raises(InputError, match=r"its mask has shape \(48, 40\), the picture \(40, 48\); return rows before"):
        comparator.localize(Question(PICTURE[:40], "one.png"))


def test_a_function_finds_a_data_set(here: Path) -> None:
    for number, forged in ((1, True), (2, False)):
        (here / f"claim-{number}").mkdir()
        Image.fromarray(PICTURE).save(here / f"claim-{number}" / "photo.jpg")
        if forged:
            Image.fromarray(((PICTURE[..., 0] > 128) * 255).astype(np.uint8)).save(here / "claim-1" / "mask.png")
    found = find("my_sets:claims", here)
    assert [(entry.id, entry.manipulation) for entry in found.entries] == [
        ("claim-1/photo.jpg", "splicing"),
        ("claim-2/photo.jpg", "pristine"),
    ]
    sample = found.entries[0].read()
    assert sample.mask is not None
    assert (sample.mask == (PICTURE[..., 0] > 128)).all()


def test_a_loader_that_returns_something_else(here: Path) -> None:
    (here / "wrong.py").write_text("def load(folder):\n    return ['a.jpg']\nthing = 3\n")
    with pytest.raises(InputError, match=r"returned 'a.jpg' among its pictures; make each a psccnet\.datasets"):
        find("wrong:load", here)
    with pytest.raises(InputError, match="wrong:thing: not a function"):
        data_set("wrong:thing")
    with pytest.raises(InputError, match="There is no data set 'casia9'"):
        data_set("casia9")


def test_a_function_is_a_manipulation(here: Path) -> None:
    rng = np.random.default_rng(3)
    forgery = forge("my_edits:smoothed", PICTURE, rng)
    assert forgery is not None
    assert (forgery.picture[~forgery.mask] == PICTURE[~forgery.mask]).all()
    assert (forgery.picture[forgery.mask] != PICTURE[forgery.mask]).any()
    assert (forgery.method, name_of("my_edits:smoothed")) == ("smoothed", "smoothed")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return picture[:9], None", "returned no picture; return one of (48, 48, 3) uint8, and its mask"),
        ("return picture, picture[..., 0]", "returned no mask with its picture; return one of (48, 48) bool"),
    ],
)
def test_an_answer_that_is_no_forgery(here: Path, body: str, message: str) -> None:
    (here / "wrong.py").write_text(f"def edit(picture, rng):\n    {body}\n")
    with pytest.raises(InputError, match=re.escape(message)):
        forge("wrong:edit", PICTURE, np.random.default_rng(0))


def test_a_manipulation_that_gives_up(here: Path) -> None:
    (here / "shy.py").write_text("def edit(picture, rng):\n    return None\n")
    assert forge("shy:edit", PICTURE, np.random.default_rng(0)) is None
    with pytest.raises(InputError, match="retouch: not a manipulation; there are pristine, splicing"):
        forge("retouch", PICTURE, np.random.default_rng(0))


def test_what_is_not_there_is_named(here: Path) -> None:
    with pytest.raises(InputError, match="there is no module my_metods in this folder"):
        find_extension("my_metods:saturation", "psccnet.comparators")
    with pytest.raises(InputError, match="my_methods has no satuation; it has np, saturation"):
        find_extension("my_methods:satuation", "psccnet.comparators")
    (here / "needy.py").write_text("import no_such_package\n")
    with pytest.raises(InputError, match="needy needs the module no_such_package, which is missing; install it"):
        find_extension("needy:look", "psccnet.comparators")


def test_a_fault_in_the_users_code_is_shown_as_it_is(here: Path) -> None:
    (here / "broken.py").write_text("def look(picture):\n    return picture.nothing\n")
    with pytest.raises(AttributeError, match="nothing"):
        find_comparator("broken:look").localize(Question(PICTURE, "one.png"))


def test_entry_points(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("colours", "my_methods:saturation", "psccnet.comparators")
    monkeypatch.setattr("psccnet.extensions.entry_points", lambda group: [point] if group == point.group else [])
    assert find_comparator("colours").name == "saturation"
    assert find_extension("colours", "psccnet.datasets") is None


def test_what_is_an_import_path() -> None:
    assert is_import_path("a.b:C")
    assert not any(is_import_path(words) for words in ("default", "folders:", "a/b:c", "C:\\weights", "ela", "a:b:c"))


def test_identity_of_what_has_no_file() -> None:
    assert identity_of(len) == "builtins.builtin_function_or_method"
