# Everything needs Python 3.11 or newer, and nothing else. `make demo` is the shortest way to a report.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SERVERS := $(VENV)/servers/.installed
OUT ?= demo-report
LIBRARY := reports/html/vendor/regular-table

.PHONY: help demo test lint properties docs bench lock vendor screenshots clean
.DEFAULT_GOAL := help

help: ## Say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(STAMP) ## Run the main job on a zone that comes with the program, and say where the report is
	@$(BIN)/registry-audit run --config config.example.yaml --out $(OUT)

test: lint $(SERVERS) ## Run all checks and all tests
	$(BIN)/pytest -n auto --cov --cov-report=term-missing -q

lint: $(STAMP) ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

properties: $(STAMP) ## Compare 10,000 random zones with a separate reading of RBAC (some 20 minutes)
	REGISTRY_AUDIT_WORLDS=10000 $(BIN)/pytest -n auto -q tests/access/test_tables_against_rbac.py

docs: $(STAMP) ## Write the references in docs/ from the code
	$(BIN)/python -c "from docs.build.documents import DOCUMENTS as a; from audit.runs.manifest import DOCUMENTS as b; \
	  [open(f'docs/{n}', 'w').write(t()) for n, t in (a | b).items()]"

bench: $(STAMP) ## Measure the job stage by stage, and the page with a million rows; write what docs/ says of both
	$(BIN)/python -m benchmarks.bench
	$(BIN)/python -m benchmarks.page

lock: $(STAMP) ## Pin the newest dependencies again
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install -q uv
	$(VENV)/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --upgrade -q -o requirements-dev.txt pyproject.toml requirements-dev.in
	$(VENV)/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url -c requirements-dev.txt -q -o requirements.txt pyproject.toml
	$(VENV)/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --upgrade -q -o tests/servers.txt tests/servers.in
	$(VENV)/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --upgrade -q -o deploy/image/build.txt deploy/image/build.in

screenshots: $(STAMP) ## Take the pictures of the README again
	REGISTRY_AUDIT_SCREENSHOTS=docs/screenshots $(BIN)/pytest -q -n 0 tests/reports/html/test_screenshots.py

vendor: ## Renew the table library of the page from its npm package
	cd $$(mktemp -d) && npm pack -s regular-table && tar -xzf regular-table-*.tgz \
	  && cp package/dist/esm/regular-table.js package/LICENSE $(CURDIR)/$(LIBRARY) \
	  && sed -n 's/^ *"version": "\(.*\)",/\1/p' package/package.json > $(CURDIR)/$(LIBRARY)/VERSION

clean: ## Remove what was made
	rm -rf $(VENV) $(OUT) build dist *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Apart from all else: what a server needs is not to decide about what the program is tested with.
$(SERVERS): tests/servers.txt
	$(PYTHON) -m venv $(VENV)/servers
	$(VENV)/servers/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r tests/servers.txt
	@touch $@
