# `make run` starts Edge Annotator, `make test` runs every test; both first install what is missing, and only that.
#
#   PYTHON=python3.12        another Python (3.11 or newer)
#   TORCH_INDEX=URL          where torch and torchvision come from. On Linux the usual index brings several gigabytes of CUDA;
#                            https://download.pytorch.org/whl/cpu brings the small build for machines without such a GPU.
#   ARGS="--port 8080"       options for `annotator up`

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMPS := $(VENV)/.stamps
TORCH := torch==2.13.0 torchvision==0.28.0

.PHONY: help run test tests check check-python check-schema check-pages schema format bench frontend clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

run: $(STAMPS)/app frontend  ## install what is missing, start everything, print one address
	@exec $(BIN)/annotator up $(ARGS)

test: check tests  ## install what tests need, then every check and every test

# One more at a time than there are cores on a small machine, for many of them wait most of their time; each keeps to one thread.
tests: $(STAMPS)/test frontend  ## the tests alone
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: check-python check-schema check-pages  ## the checks alone: style, types, arrows, schema, front end

check-python: $(STAMPS)/test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-schema: $(STAMPS)/test frontend
	$(BIN)/python scripts/check_schema.py

# Needs no Python packages: with `make --jobs 2` it is done while these are installed.
check-pages: frontend
	$(BIN)/python scripts/build_frontend.py run check
	$(BIN)/python scripts/build_frontend.py run lint
	$(BIN)/python scripts/build_frontend.py run test

schema: $(STAMPS)/test  ## make the front end's types anew from the API
	$(BIN)/python scripts/check_schema.py --write

format: $(STAMPS)/test  ## put the Python sources in order
	$(BIN)/ruff check --fix .

bench: $(STAMPS)/test  ## measure; see benchmarks/README.md
	$(BIN)/python -m benchmarks

frontend: $(STAMPS)/node  ## build the pages, when their sources have changed
	@$(BIN)/python scripts/build_frontend.py

clean:  ## remove what was built; your data stays
	rm -rf $(VENV) annotator/web/dist frontend/node_modules build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# --- what is installed: each stamp is touched when its step is through -------------------------------------------------

$(STAMPS)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1): use 'make PYTHON=python3.12 ...'."; exit 1; }
	@# Debian's python3 comes without ensurepip: there the pip of the machine fills the environment.
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install pip; }
	@mkdir -p $(STAMPS) && touch $@

# Before all others, so that two pips never write into one environment at a time.
$(STAMPS)/node: $(STAMPS)/python
	@$(BIN)/python scripts/build_frontend.py node
	@touch $@

$(STAMPS)/torch: $(STAMPS)/python | $(STAMPS)/node
	$(PIP) install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	@touch $@

$(STAMPS)/app: $(STAMPS)/torch pyproject.toml
	$(PIP) install --editable .
	@touch $@

$(STAMPS)/test: $(STAMPS)/torch pyproject.toml
	$(PIP) install --editable '.[test]'
	@touch $(STAMPS)/app $@
