# Two commands matter: `make app` and `make test`. Each makes .venv when it is missing, installs what
# requirements*.txt pin (with uv; with pip where uv can't), then does its job.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# pip after uv: a mirror that pip's settings name is unknown to uv. It compiles nothing, which takes as long as all the
# rest: Python compiles what it imports, and keeps it.
install = { test -x $(UV) || $(PIP) --constraint requirements-dev.txt uv; } \
	  && $(UV) pip install --quiet --python $(BIN)/python $(1) || $(PIP) --no-compile $(1)

export NO_ALBUMENTATIONS_UPDATE = 1
# Python keeps what it compiled, whatever the caller's environment says: without, each process that imports torch and
# Lightning compiles them again for 20 s, and the tests start dozens.
export PYTHONDONTWRITEBYTECODE =

.PHONY: app train test test-oldest coverage lint format docs requirements sbom audit mutation chromium clean

app: $(VENV)/installed
	$(BIN)/streamlit run app.py $(if $(ARGS),-- $(ARGS))

train: $(VENV)/installed
	$(BIN)/python train.py $(ARGS)

# Files in the order of their folders: browser and e2e, which take minutes, before the small ones of unit, so that no
# process is left with a long file at the end. By default those with the fewest tests come last, which are the longest.
test: $(VENV)/installed-dev chromium
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder $(ARGS)

# The tests of units and contracts with the oldest packages that pyproject.toml admits, in .venv-oldest.
test-oldest: $(VENV)/installed-dev
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)-oldest
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --no-header --no-annotate --extra dev pyproject.toml \
	  --output-file $(VENV)-oldest/requirements.txt
	$(BIN)/uv pip install --quiet --python $(VENV)-oldest/bin/python -r $(VENV)-oldest/requirements.txt
	$(BIN)/uv pip install --quiet --python $(VENV)-oldest/bin/python --no-deps -e .
	$(VENV)-oldest/bin/python -m pytest -n 2 tests/unit tests/contract \
	  --deselect tests/unit/test_packaging.py::test_requirements_are_what_pyproject_asks_for $(ARGS)

# Lines and branches that are reached without a browser, a server and a whole training; about ten minutes.
coverage: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 tests/unit tests/contract tests/app --cov=segcore $(ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The documentation site, into site/.
docs: $(VENV)/installed-dev
	$(BIN)/mkdocs build --strict --quiet

# Pins for every platform and Python that pyproject.toml admits.
requirements: $(VENV)/installed-dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate \
	  --custom-compile-command "make requirements" pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate \
	  --custom-compile-command "make requirements" --extra dev --constraint requirements.txt \
	  pyproject.toml --output-file requirements-dev.txt

# What is installed with Segcore, as CycloneDX, into sbom.json.
sbom: $(VENV)/installed-dev
	$(BIN)/uv tool run --quiet --from cyclonedx-bom cyclonedx-py environment $(VENV) --pyproject pyproject.toml \
	  --of JSON -o sbom.json

# Known vulnerabilities of the packages that requirements.txt pins; fails where one of them can't be looked up.
audit: $(VENV)/installed-dev
	$(BIN)/uv tool run --quiet pip-audit --strict --disable-pip --no-deps -r requirements.txt

# Changes of the code (mutants) that no test notices, of the modules that pyproject.toml names; some hours.
# `make mutation ARGS='"segcore.metrics.counts*"'` looks at one module; what has been looked at is kept in mutants/.
mutation: $(VENV)/installed-dev
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv run --quiet --active --no-project --with mutmut==3.8.1 \
	  sh -c 'OMP_NUM_THREADS=1 mutmut run --max-children 2 $(ARGS) && mutmut results'

# Browser tests want a Chromium: taken where it is, installed by apt where that needs no password.
chromium:
	@sh tests/browser/ensure_chromium.sh

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Segcore needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(if $(filter-out $(BIN)/uv,$(UV)),$(UV) venv --quiet --seed --python $(PYTHON) $(VENV) || )$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python requirements.txt pyproject.toml
	@echo "Installing what requirements.txt pins"
	@$(call install,-r requirements.txt)
	@$(call install,--no-deps -e .)
	@touch $@

$(VENV)/installed-dev: $(BIN)/python requirements-dev.txt pyproject.toml
	@echo "Installing what requirements-dev.txt pins"
	@$(call install,-r requirements-dev.txt)
	@$(call install,--no-deps -e .)
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) $(VENV)-oldest mutants .coverage .coverage.*
