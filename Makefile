# Two commands matter: `make up` serves Podgraph with a demo, `make test` checks everything. `make help` lists the rest.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up test differential histories check web lock clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --quiet
NPM := $(BIN)/npm --no-audit --no-fund --no-update-notifier
# Programs of the environment come first: its Node is the pinned one, whatever the machine has.
export PATH := $(CURDIR)/$(BIN):$(PATH)

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

up: .venv/.installed gateway/static/.built ## serve Podgraph with a demo on http://localhost:8000 (PORT=… for another port)
	@exec $(BIN)/podgraph up $(if $(PORT),--port $(PORT))

test: check .venv/.browser ## everything: `make check` and all tests, on services of their own (WORKERS=… on a machine with more than two cores)
	$(BIN)/python -m pytest -n $(or $(WORKERS),2) --dist worksteal --cov --cov-report=term:skip-covered

# What graphql-core leaves behind of a failed field may be collected only after the last test: see tests/gateway/execution/leftovers.py.
differential: .venv/.tested ## thousands of generated queries: both executors answer alike (QUERIES=… for another number)
	PODGRAPH_DIFFERENTIAL_QUERIES=$(or $(QUERIES),5400) $(BIN)/python -m pytest -q -s -n 0 \
		-W "ignore:coroutine 'Executor.:RuntimeWarning" \
		tests/gateway/execution/test_differential_graph.py tests/gateway/execution/test_differential_failures.py

histories: .venv/.tested ## thousands of operations on two servers and two replicas: nobody sees less than was acknowledged (OPERATIONS=…)
	PODGRAPH_HISTORY_OPERATIONS=$(or $(OPERATIONS),10000) $(BIN)/python -m pytest -q -s -n 0 tests/e2e/test_never_older.py

check: .venv/.tested gateway/static/.built ## format, lint, types, imports, dependencies, schema and web checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/podgraph schema check
	cd gateway/web && $(CURDIR)/$(NPM) run --silent check

web: gateway/static/.built ## build the pages

lock: ## write the requirements anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml $(LOCK) -o requirements.txt
	uv pip compile pyproject.toml --group dev --constraint requirements.txt $(LOCK) -o requirements-dev.txt
	uv pip compile --group build $(LOCK) -o requirements-build.txt
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate

clean: ## remove what was installed and built; the demo's data in .podgraph stays
	rm -rf .venv gateway/static gateway/web/node_modules tests/services/node_modules \
		tests/conformance/graphql_http/node_modules tests/conformance/consumers/node_modules

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Podgraph needs Python 3.11 or newer: run make with PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv \
		|| { echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian: python3-venv)"; exit 1; }

# The files list everything: pip looks for nothing beyond, where it would meet what came out since and has no hash here.
.venv/.installed: requirements.txt requirements-build.txt pyproject.toml | .venv/bin/python
	@echo "Installing the requirements …"
	@$(PIP) install --require-hashes --no-deps -r requirements.txt
	@$(PIP) install --require-hashes --no-deps -r requirements-build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.tested: requirements-dev.txt .venv/.installed
	@echo "Installing what the tests need …"
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.txt
	@touch $@

.venv/.browser: .venv/.tested tests/services/package-lock.json tests/conformance/graphql_http/package-lock.json tests/conformance/consumers/package-lock.json
	@cd tests/services && $(CURDIR)/$(NPM) ci --silent
	@cd tests/conformance/graphql_http && $(CURDIR)/$(NPM) ci --silent
	@cd tests/conformance/consumers && $(CURDIR)/$(NPM) ci --silent
	@$(BIN)/python -m tests.services
	@touch $@

gateway/web/node_modules/.package-lock.json: gateway/web/package-lock.json | .venv/.installed
	@echo "Installing what the pages are built with …"
	@cd gateway/web && $(CURDIR)/$(NPM) ci --silent

gateway/static/.built: gateway/web/node_modules/.package-lock.json $(wildcard README.md) $(shell find gateway/web -type f -not -path '*/node_modules/*' 2>/dev/null)
	@echo "Building the pages …"
	@cd gateway/web && $(CURDIR)/$(NPM) run --silent build -- --logLevel warn
	@touch $@
