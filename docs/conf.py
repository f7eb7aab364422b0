"""The site of `make docs`: Sphinx with pages in Markdown (MyST). Nothing is fetched while it is built or read."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App
from rich.console import Console
from sphinx.application import Sphinx

import psccnet
from psccnet.cli import app as command

ROOT = Path(__file__).parents[1]

project = "psccnet"
author = "psccnet contributors"
version = release = psccnet.__version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["tutorials/tutorial-run"]

html_theme = "pydata_sphinx_theme"
html_title = f"psccnet {version}"
html_static_path = ["_static"]
LEADERBOARD = "leaderboard.html"
html_extra_path = [LEADERBOARD] if (Path(__file__).parent / LEADERBOARD).is_file() else []
html_css_files = ["site.css"]
html_theme_options = {
    "navigation_with_keys": False,
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_show_copyright = False
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
# The notebook has its outputs stored, by `make notebook`; building the site runs nothing.
nb_execution_mode = "off"
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # fields are described once, with their class
highlight_language = "none"  # most blocks are commands and what they print
smartquotes = False  # an option keeps its two dashes
default_role = "code"  # `name` in a docstring is code

SHOWN_HERE = {
    "project/changelog": "CHANGELOG.md",
    "project/contributing": "CONTRIBUTING.md",
    "project/security": "SECURITY.md",
}
"""Page of the site -> the file at the repository's root that it shows."""


def show_root_file(site: Sphinx, page: str, source: list[str]) -> None:
    """Put a file of the repository's root in the place of its page, with its links turned to those of the site."""
    if page not in SHOWN_HERE:
        return
    site.env.note_reread()  # made anew by each build: Sphinx does not see what it depends on
    text = (ROOT / SHOWN_HERE[page]).read_text(encoding="utf-8")
    text = text.replace("](README.md#what-it-finds-and-what-it-misses)", "](../model-card.md#measured)")
    text = re.sub(r"\]\(docs/", "](../", text)
    for shown, name in SHOWN_HERE.items():
        text = text.replace(f"]({name}", f"](../{shown}.md")
    source[0] = re.sub(r"\[([^\]]*)\]\((README\.md[^)]*|LICENSE)\)", r"\1", text)


def link_leaderboard(_: Sphinx, page: str, source: list[str]) -> None:
    """Open the leaderboard from the page of results, instead of offering it and the figures' folder for download."""
    if page == "results":
        text = source[0].replace(f"[{LEADERBOARD}]({LEADERBOARD})", f'<a href="{LEADERBOARD}">{LEADERBOARD}</a>')
        source[0] = text.replace("[results/](results/)", "`docs/results/`")


def verbs(of: App, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All commands, such as ("weights", "show"), without the options that every command has."""
    for name in of:
        if not name.startswith("-"):
            yield from (
                verbs(of[name], (*words, name))
                if list(of[name]) and of[name].default_command is None
                else [(*words, name)]
            )


def show_commands(site: Sphinx, page: str, source: list[str]) -> None:
    """Put the help of each command on the page of commands, as a terminal shows it."""
    if page != "reference/commands":
        return
    site.env.note_reread()
    for words in sorted(verbs(command, ())):
        shown = io.StringIO()
        command.help_print(list(words), console=Console(file=shown, width=96))
        source[0] += f"\n## psccnet {' '.join(words)}\n\n```text\n{shown.getvalue().rstrip()}\n```\n"


def quote_tables(_: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """Show a table in Markdown in a docstring as it stands, which reStructuredText would take for something else."""
    quoted, inside = [], False
    for line in lines:
        if line.lstrip().startswith("|") and not inside:
            quoted += ["::", ""]
        inside = line.lstrip().startswith("|")
        quoted.append(f"    {line}" if inside else line)
    lines[:] = quoted


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", show_root_file)
    app.connect("source-read", link_leaderboard)
    app.connect("source-read", show_commands)
    app.connect("autodoc-process-docstring", quote_tables)
