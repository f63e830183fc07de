# Everything a newcomer needs: `make demo` to see it, `make test` to trust it.
# Each target first brings into place what it needs; that is instant when it is there already.

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 4 # each is sent one test at a time, the longest first: those of acceptance
unexport PYTHONDONTWRITEBYTECODE # each program that a test starts would be compiled anew

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint bench format agent-alone clean ready

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do \
		printf '  make %-12s %s\n' "$$name" "$$what"; done

setup: ready ## prepare this machine: system packages (apt), uv, Python packages
	@echo "Ready: make demo, make test"

demo: ready ## see it work, from directory to Halo; KEEP=1 leaves it running, AD=1 uses Active Directory
	@$(BIN)/halo-sandbox demo $(if $(KEEP),--keep) $(if $(AD),--active-directory)

test: ready ## run all tests, with a private RabbitMQ and a private directory
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist load --maxschedchunk 1

check: lint ## gates and fast tests, before every commit
	@$(BIN)/python -m pytest tests/unit tests/contract -m "not broker and not directory and not domain and not postgres"

lint: ready ## formatting, lint, types and the direction of imports
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: ready ## measure what the documentation promises
	@UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 .tools/bin/uv sync --quiet --locked --inexact --only-group bench
	@$(BIN)/python -m bench

format: ready ## put the code into the one format
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

agent-alone: ready ## prove that the agent installs and works without the rest
	@deploy/setup/agent_alone.sh

clean: ## remove everything that these targets made
	@rm -rf .venv .tools .cache .coverage .hypothesis .*_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready:
	@$(PYTHON) deploy/setup/setup.py
