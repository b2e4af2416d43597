# Needs python >= 3.11, make and pip; everything else is set up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo docs test test-all check format bench clean help

help:
	@echo "make demo      convolve a photograph; results and a contact sheet in demo-output/"
	@echo "make docs      draw the pictures of the documentation anew, in docs/pictures/"
	@echo "make test      all quick tests"
	@echo "make test-all  all tests, the slow ones and those against torch too"
	@echo "make check     ruff and mypy --strict"
	@echo "make bench     compare with other libraries (half an hour); writes docs/speed.md and its charts"
	@echo "make clean     remove what the other commands made"

# One stamp for each set of extras: pip runs once, and again only when pyproject.toml changes.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("faltung needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.with-%: pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) with faltung[$*]"
	@$(PIP) install -e '.[$*]'
	@touch $@

demo: $(VENV)/.with-demo
	@$(BIN)/python examples/demo.py

docs: $(VENV)/.with-docs
	@$(BIN)/python docs/pictures.py

test: $(VENV)/.with-test
	@tests/browser/install.sh
	$(BIN)/python -m pytest -n auto

test-all: $(VENV)/.with-test $(VENV)/.with-dev $(VENV)/.with-bench
	tests/cross/install.sh
	@tests/browser/install.sh
	$(BIN)/python -m pytest -n auto -m "slow or not slow"

check: $(VENV)/.with-dev
	$(BIN)/ruff check src tests examples benchmarks docs
	$(BIN)/mypy

format: $(VENV)/.with-dev
	$(BIN)/ruff check --fix src tests examples benchmarks docs

bench: $(VENV)/.with-bench
	$(BIN)/python -m benchmarks --page

clean:
	rm -rf $(VENV) build dist demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis src/faltung.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
