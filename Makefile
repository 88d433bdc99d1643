# Everything here does its own set-up: it needs Python 3.11 or newer, make, and nothing else.
#
#   make demo VENV=/some/where     another virtual environment
#   make test PYTHON=python3.12    another Python
#   make test ARGS="-k journal"    words for pytest (likewise for demo and bench)

SHELL := /bin/sh
VENV  ?= .venv
ARGS  ?=
PYTHON ?=

# The first of these that runs and is new enough makes the virtual environment.
PYTHONS := $(PYTHON) python3.11 python3 python3.13 python3.12 python
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check --quiet

# What an installation depends on: the declared dependencies, the entry points and the version.
DECLARED := pyproject.toml capture/_version.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-slow test-pandas3 test-hosts test-hosts-pandas3 hosts-table lint format bench clean

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.stamp-demo  ## record a strategy, and look at what was captured
	@$(BIN)/capture demo $(ARGS)

test: $(VENV)/.stamp-test  ## run the tests, with every plugin and backtester installed
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" $(ARGS)

test-slow: $(VENV)/.stamp-test  ## run those that take long: every scenario, killed runs, pages
	$(BIN)/python -m pytest -n auto --dist worksteal -m slow $(ARGS)

test-pandas3:  ## run all of them with pandas 3, and the backtesters that allow it
	@$(MAKE) --no-print-directory VENV=.venv-pandas3 .venv-pandas3/.stamp-pandas3
	.venv-pandas3/bin/python -m pytest -n auto --dist worksteal $(ARGS)

test-hosts: $(VENV)/.stamp-test  ## run every backtester with pandas 2 and with pandas 3, and say which
	$(BIN)/python tests/hosts.py hosts -n auto --dist worksteal $(ARGS)
	@$(MAKE) --no-print-directory test-hosts-pandas3
	@$(BIN)/python tests/hosts.py

test-hosts-pandas3:  ## the second half of it: with pandas 3 alone
	@$(MAKE) --no-print-directory VENV=.venv-pandas3 .venv-pandas3/.stamp-pandas3
	.venv-pandas3/bin/python tests/hosts.py hosts-pandas3 -n auto --dist worksteal $(ARGS)

hosts-table: $(VENV)/.stamp-test  ## replay each backtester's runs in every other one, and write the table
	$(BIN)/python -m benchmarks.across $(ARGS)

lint: $(VENV)/.stamp-test  ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.stamp-test  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.stamp-test  ## measure, and print tables
	$(BIN)/python -m benchmarks $(ARGS)

clean:  ## remove the virtual environments and everything that tools leave behind
	rm -rf .venv .venv-* .hosts-*.json build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than what is declared as long as nothing needs to be installed, so that a
# repeated call starts no pip. The environment for tests holds all that the demo needs.
$(VENV)/.stamp-demo: $(DECLARED) | $(BIN)/pip
	@echo "Setting up $(VENV) for the demo ..."
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.stamp-test: $(DECLARED) | $(BIN)/pip
	@echo "Setting up $(VENV) for tests; the first time takes a few minutes ..."
	@$(PIP) install --editable '.[all,dev]'
	@touch $@ $(VENV)/.stamp-demo

$(VENV)/.stamp-pandas3: $(DECLARED) | $(BIN)/pip
	@echo "Setting up $(VENV) for tests with pandas 3; the first time takes a few minutes ..."
	@$(PIP) install --editable '.[hosts-pandas3,plugins,dev]'
	@touch $@

# A name on the PATH may be a shim that does not run, so each is asked for its version. pip comes
# last into a new environment: one without it was interrupted, and is made anew.
$(BIN)/pip:
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    "$$python" -m venv --clear '$(VENV)' && exit 0; \
	    rm -rf '$(VENV)'; \
	    echo "error: $$python cannot make a virtual environment." >&2; \
	    echo "  On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo "error: no Python 3.11 or newer was found (tried: $(strip $(PYTHONS)))." >&2; \
	echo "  Install one, or name it: make <target> PYTHON=/path/to/python3" >&2; \
	exit 1
