# Every target sets itself up on a machine that has only Python >= 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin
TORCH ?= 2.13.0
export LANGSMITH_TEST_TRACKING ?= false

.PHONY: help triage study study-prosocial study-negotiate train-demo calibrate test check bench studio lock docs clean

help:            ## what there is to make
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/: [^#]*## /\t/' | expand -t 18

triage: $(BIN)/.run     ## a whole debate, from nothing: no key, no server, no account
	@$(BIN)/python -m graphs.triage invoke

study: $(BIN)/.evals    ## a whole study with reference negotiators: does debate do what is claimed of it
	@$(BIN)/python -m evals.experiment run beyond-arrow
	@$(BIN)/python -m evals.findings beyond-arrow

study-prosocial: $(BIN)/.evals  ## studies of the commons and of games: what no contract can give, and whether concern gives it
	@$(BIN)/python -m evals.experiment run not-enough
	@$(BIN)/python -m evals.findings not-enough
	@$(BIN)/python -m evals.experiment run not-enough-games
	@$(BIN)/python -m evals.findings not-enough-games

study-negotiate: $(BIN)/.evals  ## a study of deliberations: what a dialogue between opposed personas does, and what haste costs
	@$(BIN)/python -m evals.experiment run learning-to-negotiate
	@$(BIN)/python -m evals.findings learning-to-negotiate

train-demo: $(BIN)/.train  ## train a tiny model from scratch on this CPU (under ten minutes) and let it negotiate: a pipeline check
	@$(BIN)/python -m training.demo

calibrate: $(BIN)/.evals  ## simulate studies with a known answer, print what is found, write docs/calibration.md
	@$(BIN)/python -m evals.calibration check --out docs/calibration.md

test: $(BIN)/.dev $(BIN)/.train  ## everything that must hold: style, types, tests
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q --durations=30 --durations-min=8 -n $$(( $$($(BIN)/python -c 'import os; print(os.cpu_count())') + 1 )) --dist loadfile

check: $(BIN)/.dev      ## the unit tests alone, in seconds
	@$(BIN)/python -m pytest -q -m "not slow and not postgres"

bench: $(BIN)/.dev      ## measure, print, and write docs/benchmarks.md
	@$(BIN)/python -m tests.bench

studio: $(BIN)/.dev     ## LangGraph Studio on this machine
	@LANGGRAPH_CLI_NO_ANALYTICS=1 LANGGRAPH_NO_VERSION_CHECK=1 $(BIN)/langgraph dev --no-browser

lock: $(BIN)/uv         ## resolve the locks again, with hashes and without addresses
	@$(BIN)/uv pip compile -q pyproject.toml --group dev --extra evals --extra ray --extra inspect --universal --generate-hashes --no-emit-index-url --no-annotate -o requirements-dev.txt
	@$(BIN)/uv pip compile -q pyproject.toml --extra evals -c requirements-dev.txt --universal --generate-hashes --no-emit-index-url --no-annotate -o requirements-evals.txt
	@$(BIN)/uv pip compile -q pyproject.toml -c requirements-dev.txt --universal --generate-hashes --no-emit-index-url --no-annotate -o requirements.txt
	@echo "torch ; sys_platform == 'never'" > .venv/no-torch.txt  # CPU or CUDA: whichever build the machine's pip gives
	@$(BIN)/uv pip compile -q pyproject.toml --extra evals --extra train -c requirements-dev.txt --overrides .venv/no-torch.txt --universal --generate-hashes --no-emit-index-url --no-annotate -o requirements-train.txt

docs: $(BIN)/.dev       ## write what is derived into docs/, and all of it as one static site into docs/_site
	@$(BIN)/python -m scenarios schema > docs/ward.schema.json
	@$(BIN)/python -m nodes.records > docs/record.schema.json
	@$(BIN)/python -m evals.measures > docs/reference-measures.md
	@$(BIN)/python -m sphinx -W --keep-going -q -E -c docs -d build/doctrees . docs/_site
	@echo "$(CURDIR)/docs/_site/index.html"

clean:           ## stop the embedded database; remove what was built here (records stay)
	@-test -x $(BIN)/python && $(BIN)/python -m retrieval stop
	@rm -rf docs/_site build/doctrees .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .langgraph_api

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit("Parley needs Python 3.11 or newer; name one: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@echo "setting up .venv (once) …" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(BIN)/.run: $(BIN)/uv requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.txt
	@touch $@

$(BIN)/.evals: $(BIN)/.run requirements-evals.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements-evals.txt
	@touch $@

$(BIN)/.train: $(BIN)/.run requirements-train.txt
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'torch==$(TORCH)'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements-train.txt
	@touch $@ $(BIN)/.evals

$(BIN)/.dev: $(BIN)/uv requirements-dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements-dev.txt
	@touch $@ $(BIN)/.run $(BIN)/.evals
