# Needs make and Python 3.11 or later. Everything is installed into .venv, once per change of its inputs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BASE := .venv-base
# Python compiles what is imported; compiling all that is installed takes a minute more.
INSTALL := -m pip install --disable-pip-version-check --no-compile -c constraints.txt
unexport PYTHONDONTWRITEBYTECODE
SOURCES := $(shell find src -type f -not -name "*.pyc")

.DEFAULT_GOAL := help
.PHONY: help environment browser lint test test-fast pytest test-base dist docs readme notebook demo clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

environment: $(STAMP) ## create .venv and install the package with all its extras

# The stamp is written last: an install that was interrupted is taken up again by the next make.
$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "psccnet needs Python 3.11 or later: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) -e '.[docs,dev]'
	@touch $@

# Without it the tests of the page are skipped, and say so.
browser: ## install Chromium, and Pango for reports on paper, from Debian's packages where that is allowed
	@command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null \
	|| { test "$$(id -u)" = 0 && apt-get -q update && apt-get install -q -y chromium libpango-1.0-0 libpangoft2-1.0-0; } \
	|| echo "the page is not tested without Chromium: sudo apt-get install chromium libpango-1.0-0 libpangoft2-1.0-0"

lint: $(STAMP) ## style, types and the arrows between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Side by side, since each of them alone keeps one core busy for long: the two environments, the types, the last tests.
test: ## lint and all tests
	$(MAKE) --no-print-directory -j3 lint test-base pytest

test-fast: ## lint, and the tests that take no more than a few seconds each
	$(MAKE) --no-print-directory -j2 lint pytest SELECTED='-m "not slow"'

# In the order of tests/conftest.py.
pytest: $(STAMP) browser
	$(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder $(SELECTED)

# The wheel and not an editable install, so that a file that is missing from the wheel is found.
$(BASE)/.installed: pyproject.toml constraints.txt README.md LICENSE $(SOURCES)
	test -x $(BASE)/bin/python || $(PYTHON) -m venv $(BASE)
	rm -rf $(BASE)/wheel
	$(BASE)/bin/python -m pip wheel --disable-pip-version-check -q --no-deps --wheel-dir $(BASE)/wheel .
	$(BASE)/bin/python $(INSTALL) -q $(BASE)/wheel/*.whl pytest
	$(BASE)/bin/python $(INSTALL) -q --force-reinstall --no-deps $(BASE)/wheel/*.whl
	@touch $@

test-base: $(BASE)/.installed ## what the wheel without extras can do, where there is no torch
	! $(BASE)/bin/python -c 'import torch' 2> /dev/null
	$(BASE)/bin/python -I -c 'import psccnet, sys; sys.exit("site-packages" not in psccnet.__file__)'
	$(BASE)/bin/python -m pytest --noconftest tests/base

dist: $(STAMP) ## build wheel and sdist, with the weights, into dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	@ls -l dist

docs: $(STAMP) ## build the site into site/html/; a warning is an error
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet --jobs 2 -d site/doctrees docs site/html
	@echo "$(CURDIR)/site/html/index.html"

readme: $(STAMP) ## write the figures of README and docs, from the card and from docs/results/
	$(BIN)/python docs/figures.py

notebook: $(STAMP) ## run the tutorial's notebook anew, and store its outputs (ten minutes)
	$(BIN)/python docs/run_notebook.py

demo: $(STAMP) ## manipulate four pictures, detect them, write demo/index.html
	$(BIN)/python -m psccnet.demo
	@echo "$(CURDIR)/demo/index.html"

clean: ## remove the environment, caches and the demo
	rm -rf $(VENV) $(BASE) demo dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
