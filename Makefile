.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PYTEST ?=

.PHONY: help setup demo test cover worlds lake test-scale bench bench-full soak lowest sync dev check lock clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.ready  ## Install everything into .venv (the other targets do it by themselves)

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "taskhouse needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >.venv/uv.txt
	$(PIP) install --require-hashes --requirement .venv/uv.txt
	$(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode --require-hashes --requirement requirements.lock \
		|| $(PIP) install --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## Play six weeks of a local stand-in for PostHog into a warehouse, and check it against the truth
	$(BIN)/taskhouse demo

test: setup  ## Run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST)

cover: setup  ## Run the tests and show which lines and branches they reach
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term-missing:skip-covered

worlds: setup  ## Run the long forms of the generated tests: random worlds, hostile payloads, crowds, kills, the Dagster UI
	$(BIN)/python -m pytest -m worlds -n 2 --dist worksteal $(PYTEST)

lake: .venv/lake/.ready  ## Make the environment of the lake in .venv/lake: DuckDB 1.5 with DuckLake

.venv/lake/.ready: .venv/.ready requirements-lake.lock tests/lake/s3.lock
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/lake
	$(BIN)/uv pip install --quiet --compile-bytecode --python .venv/lake/bin/python --require-hashes \
		--requirement requirements-lake.lock
	$(BIN)/uv pip install --quiet --python .venv/lake/bin/python --constraint requirements.lock pytest pytest-xdist \
		hypothesis trustme redis hatchling editables
	$(BIN)/uv pip install --quiet --python .venv/lake/bin/python --require-hashes --requirement tests/lake/s3.lock
	$(BIN)/uv pip install --quiet --python .venv/lake/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

test-scale: setup lake  ## Run the tests with several machines' worth of processes, PostgreSQL and Redis (Debian: postgresql, redis-server)
	$(BIN)/python -m pytest -m scale -n 4 --dist worksteal tests/scale $(PYTEST)
	.venv/lake/bin/python -m pytest -m scale -n 2 --dist worksteal tests/lake $(PYTEST)

bench: setup  ## Measure speed, memory and disk in minutes, beside dlt, Singer and a script; the results are in dist/bench
	$(BIN)/python -m benchmarks

bench-full: setup  ## The same at full size and with long histories, in hours
	$(BIN)/python -m benchmarks --full

soak: setup  ## An hour of changes, faults, kills and crowds, and the first day of a large project on its throttle's clock
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.soak.day
	$(BIN)/python -m tests.soak.ticks

lowest: setup  ## Run the tests of warehouse, views, reading and budget on the oldest versions that pyproject.toml allows
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/lowest
	$(BIN)/uv pip compile pyproject.toml --resolution lowest-direct --python .venv/lowest/bin/python --no-header --quiet \
		--output-file .venv/lowest/lowest.txt
	$(BIN)/uv pip install --quiet --python .venv/lowest/bin/python --requirement .venv/lowest/lowest.txt \
		pytest pytest-xdist hypothesis hatchling editables
	$(BIN)/uv pip install --quiet --python .venv/lowest/bin/python --no-deps --no-build-isolation --editable .
	.venv/lowest/bin/python -m pytest -n auto --dist loadfile tests/warehouse tests/marts tests/reading tests/posthog/test_budget.py

sync: setup  ## Sync from the PostHog that POSTHOG_HOST, POSTHOG_PERSONAL_API_KEY and POSTHOG_PROJECT_IDS name
	$(BIN)/taskhouse sync

dev: setup  ## Open the Dagster UI on http://localhost:3000
	$(BIN)/taskhouse dev

check: setup  ## Lint, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: setup  ## Lock the dependencies anew, with hashes and no addresses
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-strip-extras --python-version 3.11 \
		--no-header --quiet --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra lake --universal --generate-hashes --no-strip-extras --python-version 3.11 \
		--no-header --quiet --output-file requirements-lake.lock
	$(BIN)/uv pip compile tests/lake/s3.in --constraint requirements-lake.lock --universal --generate-hashes \
		--python-version 3.11 --no-header --quiet --output-file tests/lake/s3.lock
	for name in by_hand dlt singer; do \
		$(BIN)/uv pip compile benchmarks/environments/$$name.in --universal --generate-hashes --python-version 3.11 \
			--no-header --quiet --output-file benchmarks/environments/$$name.lock || exit 1; done

clean:  ## Remove .venv and caches; what you captured in .taskhouse stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
