# Every target prepares what it needs; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := libs/backorder-contracts libs/backorder-runtime libs/backorder-dev \
           services/gap-detector services/inventory-sync services/priority-router services/notifier services/auditor
SOURCES := $(MEMBERS) tests
SECONDS_ARG := $(if $(SECONDS),--seconds $(SECONDS),)
READY := $(VENV)/.ready

.PHONY: help setup demo up down status test check fmt lint types arch unit schemas schemas-check compat bench soak faults spec lock clean
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## Make the virtual environment from the lock file

$(READY): requirements.lock pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS))
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@

demo: $(READY) ## A parts business for a minute on the real system (EXIT=1: stop after the summary; SECONDS=, LINES=, SEED=)
	$(BIN)/backorder demo $(SECONDS_ARG) $(if $(LINES),--lines $(LINES)) $(if $(SEED),--seed $(SEED)) $(if $(EXIT),--exit)

up: $(READY) ## Start broker, database and all services in the background
	$(BIN)/backorder up --detach

down: $(READY) ## Stop what `make up` started
	$(BIN)/backorder down

status: $(READY) ## Show what runs
	$(BIN)/backorder status

test: $(READY) check trained ## All tests on a real broker and a real database; of the models a part (all: make spec)
	HYPOTHESIS_PROFILE=ci $(BIN)/pytest -q -n 2 -m "not stack and not spec" tests/properties services/gap-detector/tests
	$(BIN)/pytest -q -n 2 -m "not stack" tests/mutants
	$(BIN)/pytest -q -n 2 -m spec tests/spec -k "not deep and not ends and not more-faults"
	$(BIN)/pytest -q -n 3 --dist loadfile -m "stack and not alone" $(PYTEST)
	$(BIN)/pytest -q -m "stack and alone" $(PYTEST)

.PHONY: trained
trained: $(READY)
	$(BIN)/python -m backorder_dev.training_run

check: $(READY) fmt-check lint types arch schemas-check unit ## What must hold before every commit; under 90 seconds

.PHONY: fmt-check
fmt-check: $(READY)
	$(BIN)/ruff format --check --quiet .

fmt: $(READY) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet . || true

lint: $(READY) ## Lint
	$(BIN)/ruff check .

types: $(READY) ## Check types
	$(BIN)/mypy $(addsuffix /src,$(MEMBERS))

arch: $(READY) ## Check who may import whom
	$(BIN)/lint-imports

unit: $(READY) ## Tests that need neither broker nor database
	$(BIN)/pytest -q -n 2 -m "not stack and not spec" --ignore-glob "tests/mutants/test_*mutants.py" $(PYTEST)

schemas: $(READY) ## Write schemas/ from the models
	$(BIN)/python -m backorder_contracts.generate schemas

schemas-check: $(READY) ## Fail when schemas/ is stale, or breaks what was released
	$(BIN)/python -m backorder_contracts.generate --check schemas
	$(BIN)/python -m backorder_contracts.compat schemas

bench: $(READY) trained ## Measure this machine, and write docs/performance: 40 minutes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/benchmarks/plots.lock
	$(BIN)/python tests/benchmarks/bench_queue.py
	$(BIN)/python tests/benchmarks/bench_ledger.py
	mkdir -p .cache/bench
	$(BIN)/python tests/benchmarks/bench_system.py --json .cache/bench/system.json
	$(BIN)/python tests/benchmarks/bench_growth.py --json .cache/bench/growth.json
	$(BIN)/python tests/benchmarks/bench_plain.py --json .cache/bench/plain.json
	$(BIN)/python tests/benchmarks/performance_page.py $(addprefix .cache/bench/,system.json growth.json plain.json)

faults: $(READY) trained ## Attack the running system in every way we know (MINUTES=, SEED=)
	FAULTS_MINUTES=$(or $(MINUTES),10) FAULTS_SEED=$(SEED) $(BIN)/pytest -q -s tests/faults/test_campaign.py

soak: $(READY) trained ## An hour at a steady load: rows, bytes, memory and latency must stay flat (MINUTES= at least 10, RATE=)
	$(BIN)/python tests/benchmarks/soak.py $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE))

spec: $(READY) ## Have TLC check the specifications in docs/spec, and find each mutant out
	$(BIN)/pytest -q -n 2 -m spec tests/spec $(PYTEST)

lock: $(READY) ## Resolve the dependencies anew, with hashes and without hosts
	sh deploy/lock.sh

clean: ## Remove what was made here
	rm -rf $(VENV) .run .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
