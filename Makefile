# Set-up, checks, tests, demo. Everything happens in .venv; nothing else on the machine changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

.PHONY: help venv check test test-long bench demo docs clean

help:
	@echo "make venv       set up .venv with pinned dependencies"
	@echo "make check      lint, types, contracts, unit tests (about a minute)"
	@echo "make test       every test that CI runs"
	@echo "make test-long  what is too long for CI: fault campaigns, fuzzing"
	@echo "make bench      every benchmark"
	@echo "make demo       four weeks of a real retailer: played live, audited, reported"
	@echo "make docs       write the generated pages of docs/ again"

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@sh .ci/requirements.sh $(PYTHON)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --constraint constraints.txt --editable '.[develop]'
	$(BIN)/python -c 'from entrepot.departments.sourcing.searching import warm; warm()'
	touch $(STAMP)

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n $(JOBS) tests/house tests/unit

test: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n $(JOBS) -m "not long"

test-long: venv
	$(BIN)/pytest -q -m long

bench: venv
	$(BIN)/python -m benchmarks all

demo: venv
	$(BIN)/entrepot demo

docs: venv
	$(BIN)/python -m tests.house.generate

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
