import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psccnet.errors import InputError, PictureError
from psccnet.evaluation.comparators import Question, find_comparator
from psccnet.evaluation.comparators.command import Command

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
QUESTION = Question(PICTURE, "a/b c.jpg")


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A program that writes the red plane as its mask and, if told where, a score; its folder's name has a space."""
    path = tmp_path / "other method" / "run.py"
    path.parent.mkdir()
    path.write_text(
        "import sys\nfrom PIL import Image\n"
        "Image.open(sys.argv[1]).getchannel('R').save(sys.argv[2])\n"
        "if len(sys.argv) > 3: open(sys.argv[3], 'w').write('0.25')\n"
    )
    return f"{sys.executable} '{path}'"


def test_its_mask_and_score(program: str) -> None:
    plain = find_comparator(f"other={program} {{image}} {{mask}}")
    answer = plain.localize(QUESTION)
    assert answer.mask == pytest.approx(PICTURE[..., 0] / 255, abs=1e-6)
    assert answer.score == pytest.approx(float(answer.mask.max()))
    scored = find_comparator(f"other={program} {{image}} {{mask}} {{score}}")
    assert scored.localize(QUESTION).score == 0.25
    assert (scored.name, scored.identity != plain.identity) == ("other", True)
    within = find_comparator(f"other={program} {{folder}}/image.png {{folder}}/mask.png")
    assert within.localize(QUESTION).mask == pytest.approx(answer.mask)


def test_words_are_not_given_to_a_shell(tmp_path: Path) -> None:
    made = tmp_path / "made"
    comparator = find_comparator(f"other=echo {{image}} ; touch {made}")
    with pytest.raises(PictureError, match="wrote no mask"):
        comparator.localize(QUESTION)
    assert not made.exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise SystemExit('no weights')", "a/b c.jpg: other ended with status 1: no weights"),
        ("pass", "a/b c.jpg: other wrote no mask; it is to write {mask}."),
        ("open(sys.argv[2], 'w').write('x')", "a/b c.jpg: the mask of other cannot be used: "),
        (
            "from PIL import Image; Image.new('L', (40, 50)).save(sys.argv[2])",
            "a/b c.jpg: the mask of other is 40 x 50, the picture 50 x 40; let it write the mask as",
        ),
        (
            "from PIL import Image; Image.new('L', (5, 5)).save(sys.argv[2]); open(sys.argv[3], 'w').write('1.5')",
            "a/b c.jpg: the score of other is '1.5', not a number within 0..1.",
        ),
    ],
)
def test_what_goes_wrong_with_a_picture_is_named(tmp_path: Path, body: str, message: str) -> None:
    (tmp_path / "run.py").write_text(f"import sys\n{body}\n")
    command = Command("other", f"{sys.executable} {tmp_path}/run.py {{image}} {{mask}} {{score}}")
    with pytest.raises(PictureError, match=re.escape(message)):
        command.localize(QUESTION)


def test_a_time_limit() -> None:
    command = Command("slow", f"{sys.executable} -c 'import time; time.sleep(60)' {{image}}", time_limit=0.5)
    with pytest.raises(PictureError, match=r"a/b c\.jpg: slow took more than 0 seconds"):
        command.localize(QUESTION)


def test_commands_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="other: no-such-program cannot be run"):
        find_comparator("other=no-such-program {image} {mask}").localize(QUESTION)
    with pytest.raises(InputError, match="the quotes in its command do not close"):
        find_comparator("other=run '{image}")
    with pytest.raises(InputError, match=r"names none of \{image\}, \{file\} and \{folder\}"):
        Command("other", "run {mask}")


def test_the_pictures_own_file(program: str, tmp_path: Path) -> None:
    own = tmp_path / "own.png"
    Image.new("RGB", (50, 40), (51, 0, 0)).save(own)
    comparator = find_comparator(f"other={program} {{file}} {{mask}}")
    assert comparator.localize(replace(QUESTION, file=own)).mask == pytest.approx(0.2)
    # A distorted picture has none, and a turned one's would lie on its side.
    for question in (QUESTION, replace(QUESTION, file=own, orientation=6)):
        assert comparator.localize(question).mask == pytest.approx(PICTURE[..., 0] / 255, abs=1e-6)


def test_a_path_is_not_filled_in_again(program: str, tmp_path: Path) -> None:
    own = tmp_path / "{mask}.png"
    Image.new("RGB", (50, 40), (51, 0, 0)).save(own)
    answer = find_comparator(f"other={program} {{file}} {{mask}}").localize(replace(QUESTION, file=own))
    assert answer.mask == pytest.approx(0.2)
