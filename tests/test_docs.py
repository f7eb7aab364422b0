"""README and docs: figures are the card's, links lead somewhere, the version stands in one place."""

import doctest
import importlib
import importlib.util
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import psccnet
from psccnet.weights.card import bundled, read_card

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for folder in (ROOT, ROOT / "docs", ROOT / ".github")
    for path in (folder.glob("*.md") if folder == ROOT else folder.rglob("*.md"))
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    read = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(read)
    return read


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^ *(```+|~~~).*?^ *\1 *$", "", text))


def anchors(page: Path) -> Iterator[str]:
    """Those that GitHub and the site give to headings."""
    text = page.read_text(encoding="utf-8")
    shown = re.match(r"The site shows \[.*\]\((.+)\) here", text)
    if shown:
        text = (page.parent / shown[1]).read_text(encoding="utf-8")
    for heading in re.findall(r"(?m)^#+ +(.+)$", re.sub(r"(?ms)^```.*?^```$", "", text)):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_figures_of_readme_and_docs_are_those_of_the_card_and_of_the_results() -> None:
    made = module(ROOT / "docs" / "figures.py").files(read_card(bundled()["default"]))
    assert {path.name for path in made} == {"README.md", "model-card.md", "engine.md", "evidence.md", "scan.md"}
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"make readme writes {path.name} anew"
    assert "\n| CASIA v1" in made[ROOT / "README.md"]


def test_no_measured_figure_of_the_readme_is_written_by_hand() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    by_hand = without_code(re.sub(r"(?s)<!-- (\w+): written by.*?<!-- end of \1 -->", "", text))
    figures = re.findall(r"\d[\d.,]* ?(?:%|s\b|MB|GB|megapixels)|\b\d+ (?:of|in|out of) \d+|\b0\.\d+", by_hand)
    assert figures == ["95 %"]  # of the intervals
    assert "about nine hours of training on two CPU cores" in by_hand
    assert "about nine hours on two CPU cores" in read_card(bundled()["default"]).notes


def test_figures_that_are_not_there_once_are_refused() -> None:
    written = module(ROOT / "docs" / "figures.py").written
    page = "<!-- a: written by x -->\nold\n<!-- end of a -->\n"
    assert written(page, "a", "new") == "<!-- a: written by x -->\nnew\n<!-- end of a -->\n"
    for wrong in ("", page + page):
        with pytest.raises(ValueError, match="'a' is not there once"):
            written(wrong, "a", "new")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("folder", ["src", "recipes", "benchmarks", "tests", "Makefile"])
def test_docs_that_code_names_are_there(folder: str) -> None:
    named = ROOT / folder
    for path in [named] if named.is_file() else [*named.rglob("*.py"), *named.rglob("*.yaml")]:
        for name in re.findall(r"(?<![\w/-])docs/[\w/-]+\.(?:md|ipynb)", path.read_text(encoding="utf-8")):
            assert (ROOT / name).is_file(), f"{path}: {name}"


def test_each_equation_is_where_the_architecture_says() -> None:
    section = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Where each equation is")[1]
    found = re.findall(r"`([\w/]+\.py)`: ((?:`[\w.]+`[^`|;]*)+)", section.split("\n## ")[0])
    assert len(found) >= 8
    for file, names in found:
        code = (ROOT / "src" / "psccnet" / file).read_text(encoding="utf-8")
        for name in re.findall(r"`([\w.]+)`", names):
            for part in name.split("."):
                assert re.search(rf"(?m)^ *(class|def) {part}\b", code), f"{file}: {name}"


@pytest.mark.slow
def test_examples_of_the_docs_run() -> None:
    pages = [page for page in PAGES if "\n>>> " in page.read_text(encoding="utf-8")]
    assert len(pages) >= 1
    for page in pages:
        done = doctest.testfile(str(page), module_relative=False, verbose=False, encoding="utf-8")
        assert done.attempted > 0
        assert done.failed == 0, page.name


def modules_with_examples() -> list[str]:
    """Modules of src whose docstrings have examples."""
    source = ROOT / "src"
    files = [path for path in source.rglob("*.py") if "    >>> " in path.read_text(encoding="utf-8")]
    return sorted(".".join(path.relative_to(source).with_suffix("").parts) for path in files)


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of_docstrings_run(name: str) -> None:
    read = importlib.import_module(name)
    done = doctest.testmod(read)
    assert done.failed == 0
    # doctest passes over an example that it does not find, such as one under a decorated function.
    assert done.attempted == len(re.findall(r"(?m)^ +>>> ", Path(str(read.__file__)).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["psccnet.metrics", "psccnet.evaluation.distortions", "psccnet.engine.tiling"])
def test_what_pure_functions_answer_is_shown_by_an_example(name: str) -> None:
    read = importlib.import_module(name)
    public = {key: value for key, value in vars(read).items() if inspect.isfunction(value) and key[0] != "_"}
    own = {key: value for key, value in public.items() if value.__module__ == name}
    without = {key for key, value in own.items() if ">>> " not in (value.__doc__ or "")}
    no_short_answer = {"jpeg", "mixed", "positions", "grid_points", "coordinates"}
    assert without <= no_short_answer


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" in project["dynamic"]
    assert f"## [{psccnet.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\nversion: {psccnet.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "prefix", "root"), [("README.md", "docs/", ""), ("docs/index.md", "", "project/")])
def test_what_strangers_ask_first_is_one_click_away(page: str, prefix: str, root: str) -> None:
    targets = set(LINK.findall((ROOT / page).read_text(encoding="utf-8")))
    assert targets >= {
        f"{prefix}tutorials/first-picture.md",
        f"{prefix}evidence.md#the-verdict",
        f"{prefix}extending.md#a-data-set",
        f"{prefix}extending.md#a-method-to-compare-with",
        f"{prefix}extending.md#a-manipulation",
        f"{prefix}how-to/retrain.md",
        f"{prefix}architecture.md#where-each-equation-is",
    }
    pages = {target.partition("#")[0].lower() for target in targets}
    assert pages >= {f"{root}changelog.md", f"{root}contributing.md"}


def test_nothing_tells_to_install_what_is_not_published() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        # psccnet[extra] is fine: where psccnet is installed, pip takes that one, and adds what the extra needs.
        assert not re.search(r"pip install ['\"]?psccnet(?![\w*.[-])", text), page.name
