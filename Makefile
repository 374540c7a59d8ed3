# Everything below works on a machine with Python 3.11+, pip, git and make, and keeps to .venv.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint types lock clean venv venv-dev

PYTHON ?=
export PYTHON
# What another project exported must not reach this one.
unexport DJANGO_SETTINGS_MODULE PYTHONPATH PYTHONHOME VIRTUAL_ENV DAGSTER_HOME

BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
PATIENTS ?= 10000
SEED ?= 1

help:  ## List what can be made
	@awk 'BEGIN { FS = ":.*## "; printf "Usage: make <target>\n\n" } \
		/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 } \
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
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: venv-dev  ## Check style, format and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: venv-dev  ## Check the types
	$(BIN)/mypy

# Both files hold versions and hashes, and no address. Versions stay until `make lock UPGRADE=--upgrade`.
LOCK := $(BIN)/uv pip compile pyproject.toml --no-config --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --no-strip-extras --generate-hashes --no-header --no-annotate $(UPGRADE)

lock: venv-dev  ## Write the pins anew from pyproject.toml
	$(LOCK) --group dev --output-file requirements-dev.txt
	$(LOCK) --group demo --group build --constraint requirements-dev.txt --output-file requirements.txt

clean:  ## Remove all that was made here: the environment, caches, demo databases
	rm -rf .venv .dagster .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	rm -f db.sqlite3* legacy.sqlite3* rejects.csv
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@sh tools/make_venv.sh requirements.txt

venv-dev:
	@sh tools/make_venv.sh requirements-dev.txt
