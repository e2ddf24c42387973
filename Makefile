# Each command installs what it needs: `make run` a server, `make test` also what tests need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DIST := dist
# What the environment has: a server, and also what tests and checks need.
SERVER := $(VENV)/.server
DEV := $(VENV)/.dev
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11) and "wablock needs Python 3.11 or newer, and $(PYTHON) is " + \
  sys.version.split()[0] + ". If you have a newer one: make PYTHON=python3.12 ...")
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --no-emit-index-url

# `make fast`: where most of the decisions are, without what needs other programs or many seconds.
FAST := tests/contract tests/block_list tests/gate tests/storage tests/server/test_webhooks.py tests/conformance/test_seed_page.py
SLOW := postgres or other_parsers or killed or links_law or model or older or rekeying or backup or restore or full_memory \
  or many_processes or another_spelling

.PHONY: help setup run fast test check audit format docs images bench torture lock pins dist release clean

setup: $(SERVER) ## a server in .venv, so that .venv/bin/wablock works

run: $(SERVER) ## a ready server on http://127.0.0.1:8080
	@$(BIN)/wablock dev

$(SERVER): requirements/install.py requirements/server.txt requirements/package.txt pyproject.toml
	@$(PYTHON) -c '$(NEW_ENOUGH)'
	@$(PYTHON) requirements/install.py $(VENV) server
	@touch $@

$(DEV): $(SERVER) requirements/dev.txt
	@$(PYTHON) requirements/install.py $(VENV) dev
	@touch $@

fast: $(DEV) ## the tests for each save: rules, gate, SQLite store, core of HTTP; less than a minute on 2 cores
	$(BIN)/python -m pytest -q -n 2 -p no:schemathesis --hypothesis-profile=fast -k "not ($(SLOW))" $(FAST)

test: $(DEV) ## all tests, and how much of the code they run
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest --cov --cov-report= --durations=25 --durations-min=1
	@$(BIN)/coverage combine --quiet --append 2>/dev/null; rm -f .coverage.*  # a killed server leaves a partial file
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 --include='*/wablock/contract/*,*/wablock/block_list/*'

check: $(DEV) ## formatting, lint, types, which module imports which, plain words
	$(BIN)/ruff format --check src tests benchmarks docs requirements hatch_build.py
	$(BIN)/ruff check src tests benchmarks docs requirements hatch_build.py
	$(BIN)/mypy
	$(BIN)/lint-imports
	.ci/words $(BIN)/codespell

audit: $(DEV) ## known vulnerabilities in the packages of a server; needs the package index
	.ci/audit $(BIN)/pip-audit --requirement requirements/server.txt --requirement requirements/package.txt \
	  --require-hashes --disable-pip --vulnerability-service pypi --timeout 10 --progress-spinner off

format: $(DEV) ## fix formatting, and the lint that can be fixed automatically
	$(BIN)/ruff format src tests benchmarks docs requirements hatch_build.py
	$(BIN)/ruff check --fix src tests benchmarks docs requirements hatch_build.py

docs: $(DEV) ## write the pages that are generated from the code
	$(BIN)/python docs/generate.py

bench: $(DEV) ## measure the table of docs/performance.md and write it, in about 10 minutes; needs wrk, nginx, PostgreSQL
	$(BIN)/python -m benchmarks --write

torture: $(DEV) ## the long tests: 1,000 power cuts, 30 kills, 16 failovers, long histories, 100,000 byte streams
	TORTURE=1 $(BIN)/python -m pytest -m torture

images: $(DEV) ## the pictures of the reference in docs/images; needs chromium
	IMAGES=1 $(BIN)/python -m pytest -q tests/browser/test_images.py

pins: ## print the current digests of the images in Dockerfile and compose.yaml; needs docker
	@for tag in python:3.13-slim postgres:17; do \
	  echo "$$tag@$$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' $$tag)"; done

lock: $(DEV) ## pin all dependencies to their newest versions, by name and hash
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --upgrade --extra server --group test --group check --group bench pyproject.toml -o requirements/dev.txt
	$(COMPILE) --constraint requirements/dev.txt --extra server pyproject.toml -o requirements/server.txt
	$(COMPILE) --constraint requirements/dev.txt --group package -o requirements/package.txt

dist: $(SERVER) ## a wheel and a source archive in dist/
	rm -rf $(DIST)
	PYTHONPATH=$(CURDIR)/$(VENV)/tools $(BIN)/python -m build --no-isolation --outdir $(DIST)

release: dist ## the same with a bill of materials, notes and checksums: what an image is built from
	$(BIN)/python .ci/release $(DIST)

clean:
	rm -rf $(VENV) $(DIST) .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis .clients

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 10
