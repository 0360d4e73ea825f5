# Every task of the project is a word; `make` lists them. Each makes .venv itself when it has to.
PYTHON ?= python3
JOBS ?= 2
# More for pytest, for example: make test ARGS='--no-skips'
ARGS ?=
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# What only older Pythons need, for a single file that is made by a newer one.
BACKPORTS := 'tomli>=2' typing-extensions
# A folder of wheels to install from, where there is no network; see `make wheelhouse`.
WHEELHOUSE ?=
# Where a branch that no test takes could lose somebody's data.
EXACT := */airtape/records.py,*/airtape/fold*,*/airtape/txlog/*,*/airtape/sync/*
# Which faults of a sync are tried: of files, or with TARGET=postgres those of a server.
TRIED := sync_faults and $(if $(filter postgres,$(TARGET)),postgres,not postgres)
# What only the tests with a server reach.
SERVED := */airtape/backends/postgres*

.DEFAULT_GOAL := help
.PHONY: help .venv demo test check format docs bench oracle postgres faults sync-faults soak cov wheelhouse pyz clean

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z.-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

.venv: .venv/.installed ## install the project and what its developers need

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("airtape needs Python 3.10 or later, and $(PYTHON) is " + sys.version.split()[0] + "; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(WHEELHOUSE),--no-index --find-links '$(WHEELHOUSE)' 'airtape[postgres]' numpy,--editable '.[dev]')
	@touch $@

demo: .venv/.installed ## train three small models offline, sync the runs and look at them
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: .venv/.installed ## the quick tests
	$(PYTEST) --numprocesses $(JOBS) $(ARGS)

check: .venv/.installed ## format, lint, types, layers, and whether the docs are up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m docs.freshness

format: .venv/.installed ## let ruff format the code and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .

docs: .venv/.installed ## write the generated parts of the docs anew
	$(BIN)/python -m docs.freshness --write

bench: .venv/.installed ## what importing, starting, logging and finishing cost
	$(BIN)/python bench/side_by_side.py $(if $(WRITE),--write)
	$(BIN)/python bench/record.py
	$(BIN)/python -m bench.start_and_stop

oracle: .venv/.installed ## compare with the recorded behaviour of wandb
	$(PYTEST) -m oracle --numprocesses $(JOBS) $(ARGS)

postgres: .venv/.installed ## the tests of targets, on a PostgreSQL server that they start
	@test -n "$$(command -v initdb; ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" || { echo "These tests start a PostgreSQL server and find none; get one with: apt-get install postgresql" >&2; exit 1; }
	$(PYTEST) -m 'postgres and not sync_faults' --numprocesses $(JOBS) --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --fail-under=95 --include='$(SERVED)'

faults: .venv/.installed ## kill, fill, truncate and flip, many times
	$(PYTEST) -m faults -o faulthandler_timeout=900 $(ARGS)

sync-faults: .venv/.installed ## kill, stop and mislead syncs, many times; TARGET=postgres for that one
	$(PYTEST) -m '$(TRIED)' --numprocesses $(JOBS) --dist worksteal -o faulthandler_timeout=900 $(ARGS)

soak: .venv/.installed ## faults of both kinds for a long time, 20 times as often; TARGET as above
	$(PYTEST) -m '$(if $(TARGET),,faults or soak or) $(TRIED)' --rounds 20 -o faulthandler_timeout=0 $(ARGS)

cov: .venv/.installed ## the quick tests, whether they reach enough of the code, and a page that shows it
	$(MAKE) test ARGS='--cov --cov-report=html:build/coverage $(ARGS)'
	@echo "See build/coverage/index.html"
	$(BIN)/coverage report --fail-under=95 --omit='$(SERVED)'
	$(BIN)/coverage report --fail-under=100 --include='$(EXACT)'

wheelhouse: ## all wheels for an installation without a network, for this Python and system
	rm -rf build/wheelhouse
	$(PYTHON) -m pip wheel --quiet --disable-pip-version-check --wheel-dir build/wheelhouse '.[postgres]' numpy
	@echo "Carry build/wheelhouse over, then: python -m pip install --no-index --find-links wheelhouse airtape"
	@echo "or, where this repository is, too: make demo WHEELHOUSE=/path/of/wheelhouse"

pyz: ## the command as a single file that any Python from 3.10 on runs, build/tracker.pyz
	rm -rf build/pyz build/pyz-maker
	$(PYTHON) -m venv build/pyz-maker
	build/pyz-maker/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --target build/pyz . $(BACKPORTS)
	find build/pyz -name '*.so' -delete
	rm -rf build/pyz/bin build/pyz/psutil* build/pyz/pynvml* build/pyz/nvidia_ml_py*
	$(PYTHON) -m zipapp build/pyz --compress --main airtape_cli.main:main --python '/usr/bin/env python3' --output build/tracker.pyz
	$(PYTHON) -I -S build/tracker.pyz --version

clean: ## remove whatever make made
	rm -rf .venv build dist htmlcov .coverage .coverage.* .hypothesis .*_cache
	find . -name __pycache__ -type d -exec rm -rf {} +
