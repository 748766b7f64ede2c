# make demo | test | bench | lint | stubs | certify-all | docs | dev | clean       (make help says what each does)
#
# demo and test work on the wheel, installed into .venv, never on this tree: what they show is what a user gets.
# The wheel is made anew only when the sum of its sources changed, so a second run needs neither time nor network.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# The interpreter for .venv; make PYTHON=/path/to/python3.12 overrides. Empty: the first that is new enough.
PYTHON ?=
# What pytest gets besides its settings: make test ARGS="-k policy -x"
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
STATE := $(VENV)/.make

# All that ends in the wheel, and what says how. One sum over names and contents: a deleted file changes it too,
# and a fresh checkout with other times does not.
SOURCES := setup.cfg pyproject.toml README.md LICENSE runtime frontend_stub
MADE := build build-* dist node_modules target __pycache__ *.egg-info

.PHONY: help demo test bench lint stubs certify-all docs dev clean FORCE

help: ## Say what there is to make
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F '\t' '{ printf "make %-11s %s\n", $$1, $$2 }'

demo: $(STATE)/wheel ## Install the wheel into .venv and run the demonstration; it writes report.md here
	@$(BIN)/stockade demo --force

test: $(STATE)/test ## Install the wheel into .venv and test it
	@STOCKADE_TEST_INSTALLED=1 $(BIN)/pytest $(ARGS)

bench: $(STATE)/bench ## Measure: every figure beside a floor and beside what one would use instead
	@$(BIN)/python -m benchmarks $(ARGS)

lint: $(STATE)/lint ## ruff, mypy and the import contracts
	@echo "lint: ruff" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "lint: mypy" && $(BIN)/mypy
	@echo "lint: import contracts" && PYTHONPATH=runtime:frontend_stub/python $(BIN)/lint-imports --no-logo --config setup.cfg

stubs: $(STATE)/wheel ## Build, lint and test the stub of each language whose tools are here
	@$(BIN)/python frontend_stub/stubs.py check $(ARGS)

certify-all: $(STATE)/wheel ## Certify each stub, and compare the table in frontend_stub/README.md (ARGS=--write: write it)
	@$(BIN)/python frontend_stub/stubs.py certify $(ARGS)

docs: $(STATE)/wheel ## Write anew what the docs take from the code
	@$(BIN)/python -m stockade.config.reference docs
	@$(BIN)/python -m stockade.certify.reference docs

dev: ## Make .venv-dev for work on this tree: everything, editable
	@test -x .venv-dev/bin/python || { $(find_python); "$$python" -m venv .venv-dev; }
	@echo "dev: installing into .venv-dev"
	@.venv-dev/bin/python -m pip --quiet --disable-pip-version-check install -e '.[fast,test,lint,bench]'
	@echo "dev: .venv-dev/bin/pytest tests/..., .venv-dev/bin/stockade"

clean: ## Remove all that make has made
	rm -rf $(VENV) .venv-dev build dist report.md .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -type d \( -name __pycache__ -o -name '*.egg-info' \) -prune -exec rm -rf {} +

# -- how .venv comes about -------------------------------------------------------------------------------------------

# A name on PATH is not enough: a version manager's shim answers for versions that are not installed.
define find_python
candidates="$(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14)"; python=; \
for candidate in $$candidates; do \
    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$$candidate"; break; fi; \
done; \
if [ -z "$$python" ]; then \
    echo "stockade needs Python 3.11 or newer; tried: $$candidates. Say where it is: make PYTHON=/path/to/python3.12" >&2; exit 1; \
fi
endef

$(STATE)/venv:
	@$(find_python); echo "setup: .venv with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV) || { echo "no venv: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }
	@mkdir -p $(STATE)
	@$(PIP) install 'setuptools>=77'
	@touch $@

$(STATE)/sum: $(STATE)/venv FORCE
	@find $(SOURCES) \( $(MADE:%=-name '%' -o) -name .built \) -prune -o -type f -print0 | sort -z | xargs -0 cksum > $@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# build/ goes first: setuptools would put modules that were deleted since into the wheel. The egg-info goes after: a
# tree on sys.path would show it as a second stockade. The second install finds everything at hand and asks the
# network for nothing, unless setup.cfg names something new.
$(STATE)/wheel: $(STATE)/sum
	@echo "setup: building the wheel, installing it into .venv"
	@rm -rf build dist
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	@$(PIP) install --force-reinstall --no-deps --no-index dist/*.whl
	@$(PIP) install dist/*.whl
	@rm -rf build runtime/*.egg-info && touch $@

$(STATE)/test $(STATE)/lint $(STATE)/bench: $(STATE)/wheel
	@echo "setup: what $(@F) needs besides"
	@$(PIP) install "$$(echo dist/*.whl)[$(@F)]"
	@touch $@
