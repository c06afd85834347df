# What to type. Everything works from a fresh clone; each target makes what it
# needs and finds again what is already there. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
# The virtual environment first, for ansible's own child processes too.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# ansible-lint and molecule keep copies of the collection: here, not in the home
# directory, where they would shadow this clone.
export ANSIBLE_HOME := $(CURDIR)/.ansible
export MYPYPATH := $(CURDIR)/tools:$(CURDIR)/plugins/module_utils

# `make test ONLY="lint unit"` runs these parts alone.
ONLY ?= lint unit sanity molecule e2e faults
# More options for pytest: `make unit PYTEST="-k tags -x"`.
PYTEST ?=

# Files as git sees them: nothing ignored, nothing unpacked by setup.
files = git ls-files --cached --others --exclude-standard -z -- $(1)

.PHONY: help setup engine lab lab-down demo test lint unit sanity molecule e2e faults bench clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: lab ## From nothing to a release promoted and rolled back, on a lab VM that stays up
	@$(PYTHON) tools/demo.py

lab: ## Start the lab VM, or find it running
	@tools/lab up

lab-down: ## Remove the lab VM with all traces
	@tools/lab down

setup: ## Python packages and collections, from hashed locks
	@tools/setup

engine:
	@tools/engine

test: setup ## All tests, from nothing; ONLY="lint unit" for some
	@begin=$$SECONDS; \
	for part in $(ONLY); do \
	  start=$$SECONDS; \
	  $(MAKE) "$$part" || { printf 'test: %s FAILED after %s s\n' "$$part" "$$((SECONDS - start))" >&2; exit 1; }; \
	  printf 'test: %s passed in %s s\n' "$$part" "$$((SECONDS - start))"; \
	done; \
	printf 'test: everything passed (%s) in %s s\n' '$(ONLY)' "$$((SECONDS - begin))"

lint: setup ## Style, types and Ansible rules
	@ruff check
	@ruff format --check
	@mypy --strict --explicit-package-bases --namespace-packages plugins/module_utils/release tools
	@$(call files,'*.yml' '*.yaml') | xargs -0 --no-run-if-empty yamllint --strict
	@$(call files,.ci/run tools/setup tools/engine tools/lock tools/lab tools/lab_files '*.sh') \
	  | xargs -0 grep --null --files-with-matches --extended-regexp '^#!.*\b(ba)?sh$$' \
	  | xargs -0 --no-run-if-empty shellcheck
	@ansible-lint --offline

sanity: setup ## ansible-test's own checks of the collection
	@tools/sanity

unit: setup ## Tests without a host
	@pytest tests/unit $(PYTEST)

molecule: setup engine ## Scenarios on labs of their own
	@tools/lab sweep
	@molecule test --all

e2e: setup engine ## The whole way, through SSH and the public ports, on a lab of its own
	@tools/lab sweep
	@pytest tests/e2e -m 'not fault and not bench' $(PYTEST)

faults: setup engine ## Break things on purpose and watch production answer
	@tools/lab sweep
	@pytest tests/e2e -m fault $(PYTEST)

bench: setup engine ## Measure: deploy, promote and roll back under load
	@tools/lab sweep
	@pytest tests/e2e -m bench $(PYTEST)

clean: ## Remove what tests and tools leave in this clone; .venv and the lab stay
	@rm -rf .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis tests/output coverage htmlcov .coverage
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
