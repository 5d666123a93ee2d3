# Every target sets up what it needs. PYTHON may name any interpreter from 3.11 on.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
DEMO := .demo
# Tests wait for kernels, services and browsers much of the time.
TEST_PROCESSES ?= 3
.DEFAULT_GOAL := help

.PHONY: help setup format check test test-fast rules demo demo-stop lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(VENV)/.ready ## install nbprod for development into .venv, the lab extension included

$(VENV)/.ready: pyproject.toml constraints.txt extension/package.json extension/yarn.lock $(wildcard extension/src/*.ts* extension/style/* extension/schema/*)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing nbprod and what it needs into $(VENV) …"
	@scripts/install-python $(BIN) -c constraints.txt -e '.[test,check]'
	@touch $@

format: setup ## format the code
	@$(BIN)/ruff format -q nbprod tests benchmarks
	@$(BIN)/ruff check -q --fix nbprod tests benchmarks

check: setup ## format, lint, types, layers, fast tests: what to run before a commit
	$(BIN)/ruff format --check nbprod tests benchmarks
	$(BIN)/ruff check nbprod tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -m "not slow and not browser and not container"

test: setup ## all tests, browser and container ones included where the machine allows
	@scripts/install-debian chromium
	$(BIN)/ruff format --check nbprod tests benchmarks
	$(BIN)/ruff check nbprod tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd extension && $(BIN)/jlpm run test
	$(BIN)/python -m pytest -rRsfE --reruns 1 --rerun-show-tracebacks -n $(TEST_PROCESSES) --dist loadscope --no-loadscope-reorder

demo: setup ## the main job on a real notebook, ending with a service that answers
	@PATH="$(BIN):$$PATH" scripts/demo $(DEMO)

demo-stop: setup ## stop the demo's service
	@NBPROD_HOME=$(CURDIR)/$(DEMO)/home BENTOML_HOME=$(CURDIR)/$(DEMO)/bentoml $(BIN)/nbprod stop churn

rules: setup ## write docs/rules.md from the rulebook
	@$(BIN)/nbprod check --explain all > docs/rules.md

lock: $(VENV)/.ready ## write constraints.txt anew, with the newest versions that fit
	$(BIN)/uv pip compile -q --universal --no-emit-index-url --no-annotate --no-header --upgrade \
	  --all-extras pyproject.toml -o constraints.txt

clean: ## remove what the other targets made
	rm -rf $(VENV) $(DEMO) build dist nbprod/labextension extension/node_modules extension/lib
