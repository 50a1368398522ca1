# Every task of the project. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help up test check format lock bench licences dist version image clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.run ## run the main job: database, API, collector and exporter, in one command
	@$(BIN)/vsa up

test: $(VENV)/.dev ## run every test (ARGS="-k name" for some)
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## put the code into the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## measure: CPU a node scrape, a TLS probe beside their peers, the SQL of the dashboards, growth
	$(BIN)/python -m bench.nodes
	$(BIN)/python -m bench.fleet
	$(BIN)/python -m bench.tls
	$(BIN)/python -m bench.dashboards
	$(BIN)/python -m bench.growth

LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header
BUILT_BY := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])
lock: $(VENV)/.dev ## renew the lock files: ours, the image's, and what builds the wheel
	$(LOCK) pyproject.toml --extra embedded --output-file requirements.lock
	$(LOCK) pyproject.toml --extra embedded --group dev --output-file requirements-dev.lock
	$(LOCK) pyproject.toml --constraint requirements.lock --output-file compose/requirements.lock
	@$(BIN)/python -c '$(BUILT_BY)' | $(LOCK) - --output-file compose/build.lock

licences: $(VENV)/.dev ## list the licences of all locked packages in docs/licences.md
	@$(BIN)/python -m tests.licences > docs/licences.md

dist: $(VENV)/.dev ## build the sdist, and from it the wheel, into dist/
	@$(BIN)/uv build --quiet --build-constraints compose/build.lock --require-hashes

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' registry/version.py)
SOURCE ?= unknown
version: ## print the version
	@echo $(VERSION)

image: ## build the image (IMAGE_ARGS="--secret id=pip,src=FILE" for a package index of your own)
	docker build --file compose/Dockerfile --tag vsa-dashboard:$(VERSION) --build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$$(git rev-parse HEAD) --build-arg SOURCE=$(SOURCE) $(IMAGE_ARGS) .

clean: ## remove what these tasks made
	rm -rf $(VENV) dist build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing the locked packages (a minute, once) …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
