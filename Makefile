# Everything with Python 3.11 or newer, pip and make: no other tool has to be installed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Where it is set, as in many container images, each of the suite's processes would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

SERVE ?= 1
WORKERS ?= 2
BIN := .venv/bin
STAMP := .venv/.installed-from-lock

# The first Python of at least 3.11 that can make virtual environments; PYTHON=… overrides it.
FIND_PYTHON = for p in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python; do \
	if command -v $$p >/dev/null && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
		2>/dev/null; then command -v $$p; exit 0; fi; \
	done; echo 'No Python 3.11 or newer with the module venv was found; set PYTHON=/path/to/python3.' >&2; exit 1

.PHONY: help install demo test check format lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## make .venv from the lock file

# localstripe, a peer for tests, is published as source alone; it is plain Python.

$(STAMP): requirements.lock
	@python="$$($(FIND_PYTHON))"; \
	if ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		rm -rf .venv; "$$python" -m venv .venv; \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --only-binary :all: --no-binary localstripe -r requirements.lock
	@touch $(STAMP)

demo: $(STAMP) ## the demonstration: migrate, run the main job, serve (SERVE=0: do not serve)
	$(BIN)/python manage.py migrate --verbosity 0
	$(BIN)/python manage.py demo $(if $(filter 0,$(SERVE)),--no-serve,)

test: $(STAMP) ## the whole suite
	$(BIN)/python -m pytest -n $(WORKERS)

check: $(STAMP) ## format, lint, types, import rules, migrations, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python manage.py makemigrations --check --dry-run --settings ila.settings.nodatabase
	$(BIN)/python manage.py check --settings ila.settings.nodatabase --fail-level WARNING
	$(BIN)/python .ci/house.py

format: $(STAMP) ## format the code and sort imports
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

lock: $(STAMP) ## write requirements.lock anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --python-version 3.11 --custom-compile-command 'make lock' \
		--output-file requirements.lock

clean: ## remove caches (the database under .data stays)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
