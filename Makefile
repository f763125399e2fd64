# Python 3.11 or newer and make are enough to begin with. `make demo` is the shortest way to a report.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Environments: what the program needs, what develops and tests it, servers that tests start, and the documents' site.
PROGRAM := $(VENV)/program/.installed
STAMP := $(VENV)/.installed
SERVERS := $(VENV)/servers/.installed
SITE := $(VENV)/site/.installed
PIP := -m pip install -q --disable-pip-version-check
# What the demo needs is compiled when it is imported: compiling all of it takes 20 seconds and 136 MB.
# The lock files name everything, so nothing is resolved: pip would ask for an extra of what is pinned without it.
OUT ?= demo-report
T = tests
LIBRARY := reports/html/vendor/regular-table

.PHONY: help demo test quick lint format system properties docs site bench lock vendor screenshots clean
.NOTPARALLEL:
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(PROGRAM) ## Show a month of two demo zones, and print where the report is
	@$(VENV)/program/bin/registry-audit demo --out $(OUT)

quick: lint ## Run all checks and the fast tests, in about a minute
	$(BIN)/pytest -n auto -q -m "not slow"

WHOLE := $(filter tests,$(T))
test: $(if $(WHOLE),system lint) $(STAMP) $(SERVERS) ## Run all checks and all tests, or with T=PATH the tests of a file, folder or id
	$(BIN)/pytest -q $(if $(WHOLE),-n auto --dist worksteal --cov --cov-report=term-missing,$(T))

lint: $(STAMP) ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix-only -q .
	$(BIN)/ruff format .

system: # Install the programs that tests start, or name those that are missing
	@PYTHON=$(PYTHON) .ci/system

properties: $(STAMP) ## Compare 10,000 random zones with a separate reading of RBAC (some 20 minutes)
	REGISTRY_AUDIT_WORLDS=10000 $(BIN)/pytest -n auto -q tests/access/test_tables_against_rbac.py

docs: $(STAMP) ## Write the references in docs/ from the code
	$(BIN)/python -c "from docs.build.documents import DOCUMENTS as a; from audit.runs.manifest import DOCUMENTS as b; \
	  [open(f'docs/{n}', 'w').write(t()) for n, t in (a | b).items()]"

site: $(SITE) ## Make the site of the documents in site/
	NO_MKDOCS_2_WARNING=1 $(VENV)/site/bin/mkdocs build --strict -q

bench: $(STAMP) ## Measure the job stage by stage, and the page with a million rows; write what docs/ says of both
	$(BIN)/python -m benchmarks.bench
	$(BIN)/python -m benchmarks.page

lock: $(STAMP) ## Pin the newest dependencies again
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install -q uv
	$(VENV)/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --all-extras --upgrade -q -o requirements-dev.txt pyproject.toml requirements-dev.in
	$(VENV)/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --all-extras -c requirements-dev.txt -q -o requirements.txt pyproject.toml
	$(VENV)/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --upgrade -q -o tests/servers.txt tests/servers.in
	$(VENV)/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --upgrade -q -o deploy/image/build.txt deploy/image/build.in
	$(VENV)/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --upgrade -q -o docs/build/site.txt docs/build/site.in

screenshots: $(STAMP) ## Take the pictures of the README again
	REGISTRY_AUDIT_SCREENSHOTS=docs/screenshots $(BIN)/pytest -q -n 0 tests/reports/html/test_screenshots.py

vendor: ## Renew the table library of the page from its npm package
	cd $$(mktemp -d) && npm pack -s regular-table && tar -xzf regular-table-*.tgz \
	  && cp package/dist/esm/regular-table.js package/LICENSE $(CURDIR)/$(LIBRARY) \
	  && sed -n 's/^ *"version": "\(.*\)",/\1/p' package/package.json > $(CURDIR)/$(LIBRARY)/VERSION

clean: ## Remove what was made
	rm -rf $(VENV) $(OUT) build dist site *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

CHECK := $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is required: make PYTHON=...")'

$(PROGRAM): requirements.txt pyproject.toml
	@$(CHECK)
	$(PYTHON) -m venv $(VENV)/program
	sed -n '/^setuptools==/,/[^\\]$$/p' requirements-dev.txt > $(VENV)/program/build.txt
	$(VENV)/program/bin/python $(PIP) --no-compile --no-deps --require-hashes -r requirements.txt -r $(VENV)/program/build.txt
	$(VENV)/program/bin/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(STAMP): requirements-dev.txt pyproject.toml
	@$(CHECK)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --no-deps --require-hashes -r requirements-dev.txt
	$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# By itself: what a server needs must not decide which versions the program is tested with.
$(SERVERS): tests/servers.txt
	$(PYTHON) -m venv $(VENV)/servers
	$(VENV)/servers/bin/python $(PIP) --no-deps --require-hashes -r tests/servers.txt
	@touch $@

$(SITE): docs/build/site.txt
	$(PYTHON) -m venv $(VENV)/site
	$(VENV)/site/bin/python $(PIP) --no-deps --require-hashes -r docs/build/site.txt
	@touch $@
