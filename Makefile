# Needs make and Python 3.11 or later. Everything is installed into .venv, once per change of its inputs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BASE := .venv-base

.DEFAULT_GOAL := help
.PHONY: help environment browser lint test test-fast test-base demo clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

environment: $(STAMP) ## create .venv and install the package with all its extras

# The stamp is written last: an install that was interrupted is taken up again by the next make.
$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "psccnet needs Python 3.11 or later: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[train,onnx,int8,report,serve,scan,dev]'
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

test: lint test-base browser ## lint, then all tests
	$(BIN)/python -m pytest -n auto --dist loadscope

test-fast: lint ## lint, then the tests that take no more than a few seconds each
	$(BIN)/python -m pytest -n auto --dist loadscope -m "not slow"

$(BASE)/.installed: pyproject.toml constraints.txt
	test -x $(BASE)/bin/python || $(PYTHON) -m venv $(BASE)
	$(BASE)/bin/python -m pip install --disable-pip-version-check -q -c constraints.txt -e . pytest
	@touch $@

test-base: $(BASE)/.installed ## what an install without extras can do, where there is no torch
	! $(BASE)/bin/python -c 'import torch' 2> /dev/null
	$(BASE)/bin/python -m pytest --noconftest tests/base

demo: $(STAMP) ## manipulate four pictures, detect them, write demo/index.html
	$(BIN)/python -m psccnet.demo
	@echo "$(CURDIR)/demo/index.html"

clean: ## remove the environment, caches and the demo
	rm -rf $(VENV) $(BASE) demo dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
