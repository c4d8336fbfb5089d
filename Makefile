# Everything a person types. Variables: CLUSTER (name of the local cluster), BANK (institution), TIME_SCALE (1 to 15),
# N (objects that `make costs` makes, stops that `make failover` makes), SEED, STATES and BUDGET (of `make explore`),
# PLANS and FIRST (of `make faults`), EDITS (of `make edits`), MUTANTS, MODULE and MINUTES (of `make mutants`).
PYTHON ?= python3
BIN := .venv/bin
RUN := PYTHONPATH=e2e:operator $(BIN)/python -m

.PHONY: help demo test up down check generate golden costs planbench explore faults edits mutants regression benchmark failover
help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/installed: pyproject.toml
	@echo "  python environment         .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@$(BIN)/python -m compileall -q operator  # as pip does for a wheel: commands start as fast as they do for users
	@touch $@

demo: .venv/installed ## a bank's matrix comes to life on a local cluster, which is left running
	@$(RUN) playground demo

test: .venv/installed ## every test
	@PYTHONPATH=e2e:operator $(BIN)/python -m localcluster build
	@$(BIN)/python -m pytest --numprocesses 2

up: .venv/installed ## the local cluster without the story
	@$(RUN) playground up

down: .venv/installed ## stop the local cluster
	@$(RUN) playground down

check: .venv/installed ## linters, types, layers; make test checks the generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=operator $(BIN)/lint-imports

generate: .venv/installed ## CRDs, their copies in the chart, the institutions' manifests, tables
	$(RUN) modelmatrix.api.crd crds
	cp crds/*.yaml charts/modelmatrix/files/crds/
	$(RUN) banks
	$(RUN) pages
	PYTHONPATH=operator:tests $(BIN)/python tests/reference/table.py

golden: .venv/installed ## rewrite the golden files from what the code does now
	$(BIN)/python -m pytest -q tests --golden-update

costs: .venv/installed ## what the operator costs the API server, for N objects (default 100)
	@$(RUN) apicost

failover: .venv/installed ## how long the cluster is without a leader, over N stops of each kind (default 30)
	@$(RUN) failover

planbench: .venv/installed ## what planning a fleet costs and how that grows, and what a look at its signals costs
	@$(RUN) planning_benchmark
	@$(BIN)/python tests/perf/signals_of_a_fleet.py

explore: .venv/installed ## the plan in up to STATES (default 1,000,000) states of small fleets, with BUDGET faults a path
	@PYTHONPATH=operator:tests $(BIN)/python -m exploration

faults: .venv/installed ## PLANS fault plans (default 2,000) between operators and a real API server; SEED, FIRST to repeat one
	@PYTHONPATH=e2e:operator:tests $(BIN)/python -m faults

edits: .venv/installed ## three edits of every leaf of a deployment's and a pool's spec (EDITS of them, default all)
	@EDITS=$(or $(EDITS),0) PYTHONPATH=e2e:operator:tests $(BIN)/python -m faults

mutants: .venv/installed ## MUTANTS small changes (default 200, 0 for all) of safety modules: do the tests notice? SEED, MODULE
	@PYTHONPATH=operator:e2e:tests $(BIN)/python -m mutants

.venv/benchmark: .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group benchmark
	@touch $@

regression: .venv/benchmark ## whether scaling has become worse: the benchmark's short form
	@$(BIN)/python -m pytest -q -m benchmark tests/unit/benchmark

benchmark: .venv/benchmark ## autoscaling against ten other projects and a lower bound
	@$(RUN) benchmark
