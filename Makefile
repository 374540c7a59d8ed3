# Everything below works on a machine with Python 3.11+, pip, git and make. It keeps to .venv, and the
# benchmarks to .venv-bench.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-browser test-deploy browser lint types lock bench bench-quick bench-memory bench-growth bench-tables \
	clean venv venv-dev venv-bench

PYTHON ?=
export PYTHON
# What another project exported must not reach this one.
unexport DJANGO_SETTINGS_MODULE PYTHONPATH PYTHONHOME VIRTUAL_ENV DAGSTER_HOME

BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
PATIENTS ?= 10000
SEED ?= 1
BENCH := .venv-bench/bin/python
ROWS ?= 1000000

help:  ## List what can be made
	@awk 'BEGIN { FS = ":.*## "; printf "Usage: make <target>\n\n" } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 } \
		END { printf "\nPYTHON=python3.12 picks the interpreter, ETL_TEST_PG_URL a PostgreSQL server for the tests.\n" }' \
		$(MAKEFILE_LIST)

demo: venv  ## Move a dirty legacy hospital of 10,000 patients into Django models
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) make_legacy_hospital --patients $(PATIENTS) --seed $(SEED)
	@$(MANAGE) migrate_legacy_data
	@printf '%s\n' '' \
		'Where to look next:' \
		'  the patients, the runs and the rejected rows with their reasons' \
		'      $(MANAGE) createsuperuser && $(MANAGE) runserver      then open /admin/ on the address it prints' \
		'  the same run in the Dagster UI, with its lineage and history' \
		'      DJANGO_SETTINGS_MODULE=django_project.settings DAGSTER_HOME="$$PWD/.dagster" $(BIN)/dagster dev' \
		'  a run that changes nothing, and the rejected rows as a spreadsheet' \
		'      $(MANAGE) migrate_legacy_data --dry-run --rejects rejects.csv' \
		'  the transformers' \
		'      django_project/hospital/transformers.py'

test: lint types  ## Run all checks and all tests, on SQLite and on a real PostgreSQL
	$(BIN)/python manage.py makemigrations --check --dry-run --settings tests.settings
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/browser --ignore tests/deploy

test-browser: browser  ## Run the tests in a real browser; pictures go to tests/browser/screenshots/
	$(BIN)/python -m pytest tests/browser

test-deploy: venv-dev  ## Run what is in deploy/: a real nginx, web servers, the image's steps
	$(BIN)/python -m pytest tests/deploy -m deploy

browser: venv-dev  ## Make sure that there is a Chromium for them
	@sh tools/make_browser.sh

lint: venv-dev  ## Check style, format and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: venv-dev  ## Check the types
	$(BIN)/mypy

bench: venv-bench  ## Measure the product beside its peers, for hours; write docs/performance.md
	$(BENCH) -m benchmarks.full --rows $(ROWS)

bench-memory: venv-bench  ## Measure the memory at five times the rows
	$(BENCH) -m benchmarks.full --rows $(ROWS) --memory --only-asked

bench-growth: venv-bench  ## Measure more rows, more columns, many tables, wide and narrow ones
	$(BENCH) -m benchmarks.full --rows $(ROWS) --growth --only-asked

bench-tables: venv-bench  ## Write docs/performance.md anew from what was measured
	$(BENCH) -m benchmarks.full --only-asked

bench-quick: venv-dev  ## Compare the speed with what is recorded, in three minutes
	$(BIN)/python -m benchmarks.quick

# All files hold versions and hashes, and no address. Versions stay until `make lock UPGRADE=--upgrade`.
LOCK := $(BIN)/uv pip compile pyproject.toml --no-config --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --no-strip-extras --generate-hashes --no-header --no-annotate $(UPGRADE)

lock: venv-dev  ## Write the pins anew from pyproject.toml
	$(LOCK) --group dev --output-file requirements-dev.txt
	$(LOCK) --group demo --group build --constraint requirements-dev.txt --output-file requirements.txt
	$(LOCK) --group bench --constraint requirements-dev.txt --output-file requirements-bench.txt

clean:  ## Remove all that was made here: the environment, caches, demo databases
	rm -rf .venv .venv-bench .bench .dagster .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	rm -f db.sqlite3* legacy.sqlite3* rejects.csv
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@sh tools/make_venv.sh requirements.txt

venv-dev:
	@sh tools/make_venv.sh requirements-dev.txt

venv-bench:
	@sh tools/make_venv.sh requirements-bench.txt .venv-bench
