# Bare `make` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := pyproject.toml src/gept/__init__.py
# Programs of an environment name the folder that it was made in: elsewhere they run what is there.
NAMED = head -n 2 $(BIN)/gept | grep -qF -e '!$(CURDIR)/$(BIN)/' -e '"$(CURDIR)/$(BIN)/' -e ' $(CURDIR)/$(BIN)/'
MOVED := $(shell test ! -e $(BIN)/gept || $(NAMED) || echo anew)
ANSWERS := latest 5m hourly items series changes feed news players

.DEFAULT_GOAL := help
.PHONY: help run demo test soak lint bench docs fuzz lock clean anew

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run ## Install gept here if need be, and collect everything until Ctrl-C.
	@exec $(BIN)/gept up

demo: $(VENV)/run ## Collect a made-up market, offline, to see gept at work.
	@exec $(BIN)/gept up --demo

test: $(VENV)/test ## Run the whole test suite.
	@$(BIN)/python -m pytest -n auto $(ARGS)

soak: $(VENV)/test ## Run the long versions of the tests that break things; allow an hour or two.
	@$(BIN)/python -m pytest -n auto -m soak $(ARGS)

lint: $(VENV)/test ## Check style, types and import contracts.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/bench ## Measure speed and memory against the usual way; JSON=FILE writes the figures.
	@$(BIN)/python -m benchmarks $(JSON)

docs: $(VENV)/docs ## Build the documentation as web pages; a broken link ends it.
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs build/docs
	@echo "open build/docs/index.html"

fuzz: $(VENV)/fuzz ## Look for answers that break gept, SECONDS=60 for each kind; KIND=latest for one.
	@for name in $(or $(KIND),$(ANSWERS)); do \
	  PYTHONPATH=tests $(BIN)/python -m fuzz $$name -max_total_time=$(or $(SECONDS),60) || exit 1; \
	done

lock: $(VENV)/python ## Renew the locked dependencies in requirements/.
	$(PIP) uv
	for set in run test bench docs fuzz; do \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header pyproject.toml --group build \
	    $$(test $$set = run || echo --group $$set) --output-file requirements/$$set.txt || exit 1; \
	done

clean: ## Remove what make has installed here; collected data stays.
	rm -rf $(VENV)

anew:
	@echo "$(VENV) was made in another folder; it is made anew ..." >&2
	@rm -rf $(VENV)

$(VENV)/python: $(MOVED)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gept needs Python 3.11 or newer; name one: make PYTHON=python3.12 run" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python cannot make its environment; on Debian: apt install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/run: requirements/run.txt $(SOURCES) $(MOVED) | $(VENV)/python
	@echo "installing gept in $(VENV) ..." >&2
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test: requirements/test.txt $(VENV)/run
	@$(PIP) --require-hashes -r requirements/test.txt
	@touch $@

$(VENV)/bench: requirements/bench.txt $(VENV)/run
	@$(PIP) --require-hashes -r requirements/bench.txt
	@touch $@

$(VENV)/fuzz: requirements/fuzz.txt $(VENV)/run
	@$(PIP) --require-hashes -r requirements/fuzz.txt
	@touch $@

$(VENV)/docs: requirements/docs.txt $(VENV)/run
	@$(PIP) --require-hashes -r requirements/docs.txt
	@touch $@
