# What to type. Everything works from a fresh clone; each target makes what it
# needs and finds again what is already there. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
# The virtual environment first, for ansible's own child processes too.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# What Python compiled is kept: a test run starts it thousands of times.
unexport PYTHONDONTWRITEBYTECODE
# ansible-lint and molecule keep copies of the collection: here, not in the home
# directory, where they would shadow this clone.
export ANSIBLE_HOME := $(CURDIR)/.ansible
empty :=
demos := $(subst $(empty) ,:,$(wildcard $(CURDIR)/examples/*-demo))
export MYPYPATH := $(CURDIR)/tools:$(CURDIR)/plugins/module_utils:$(CURDIR)/tests:$(CURDIR)/roles/control_node/files:$(demos)

# The lab's system: trixie (Debian 13), sid (the next Debian), jammy or noble (Ubuntu 22.04, 24.04).
export ONEHOST_LAB_SUITE ?= trixie

# How Ansible runs its tasks in tests; `linear` is its own way, which users have: see tests/support/strategy.py.
export ONEHOST_TEST_STRATEGY ?= mitogen_linear

# `make test ONLY="lint unit"` runs these parts alone.
ONLY ?= lint unit browser sanity molecule readme e2e beside data samples upgrade attack faults
# What `make demo` shows: an example that has a folder examples/<stack>-demo, or `all` of them on one lab.
STACK ?= workhub
# `make bench SHORT=1`
SHORT ?=
# More options for pytest: `make unit PYTEST="-k tags -x"`.
PYTEST ?=

# Files as git sees them: nothing ignored, nothing unpacked by setup.
files = git ls-files --cached --others --exclude-standard -z -- $(1)

# How long a command took, for the table in the end of `make test`.
timed = TIMEFORMAT='took %R s: $(1)'; time

.PHONY: help setup engine lab lab-down demo watch test lint lint-ansible lint-code docs unit browser sanity molecule
.PHONY: readme e2e beside data samples upgrade faults attack shapes bench mutate clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: lab ## From nothing to a release promoted and rolled back, on a lab VM that stays up; STACK=<example>
	@$(PYTHON) tools/demo.py --stack $(STACK)

lab: ## Start the lab VM, or find it running
	@tools/lab up

lab-down: ## Remove the lab VM with all traces
	@tools/lab down

watch: setup ## What runs where in the lab, again and again until Ctrl-C, and where its status page is
	@tools/watch

setup: ## Python packages, from hashed locks
	@tools/setup

engine:
	@tools/engine

test: setup ## All tests, from nothing; ONLY="lint unit" for some
	@ONEHOST_SHORT=1 HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-ci} $(PYTHON) tools/parts.py $(ONLY)

# Both halves at the same time: ansible-lint takes as long as everything else.
lint: setup ## Style, types, Ansible rules, documentation
	@$(MAKE) --jobs=2 --output-sync=target lint-ansible lint-code

lint-ansible:
	@$(call timed,ansible-lint) $(PYTHON) -P tools/lint_ansible.py --offline

mypy := mypy --strict --explicit-package-bases --namespace-packages
# Ubuntu 22.04 has Python 3.10: what runs on a host uses no newer syntax and no newer part of the library.
on_hosts := --python-version 3.10

lint-code:
	@ruff check
	@ruff format --check
	@$(call timed,mypy) $(mypy) tools tests/support tests/fakes tests/invariants/invariants.py $(wildcard examples/*-demo/*.py)
	@$(call timed,mypy of the engine) $(mypy) $(on_hosts) plugins/module_utils/release $(wildcard roles/*/files/*.py)
	@export MYPYPATH=.collections; $(call timed,mypy of the modules) $(mypy) $(on_hosts) --package ansible_collections.onehost.release.plugins.modules
	@export PYTHONPATH=plugins/module_utils; $(call timed,lint-imports) lint-imports --no-cache
	@$(call files,'*.yml' '*.yaml') | xargs -0 --no-run-if-empty yamllint --strict
	@$(call files,.ci/run tools/setup tools/engine tools/browser tools/watch tools/lock tools/lab tools/lab_files '*.sh') \
	  | xargs -0 grep --null --files-with-matches --extended-regexp '^#!.*\b(ba)?sh$$' \
	  | xargs -0 --no-run-if-empty shellcheck
	@$(call files,'.github/workflows/*.yml' 'examples/*/workflows/github-actions.yml') \
	  | xargs -0 check-jsonschema --quiet --builtin-schema vendor.github-workflows
	@$(call files,'examples/*/workflows/gitlab-ci.yml') \
	  | xargs -0 check-jsonschema --quiet --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci
	@$(PYTHON) tools/workflows.py --check
	@$(call files) | xargs -0 codespell
	@antsibull-changelog lint
	@$(call timed,antsibull-docs) antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self .
	@$(call timed,the reference) $(PYTHON) tools/reference.py --check

docs: setup ## The reference, from what the code says of itself, and the examples' workflows
	@$(PYTHON) tools/reference.py
	@$(PYTHON) tools/workflows.py

sanity: setup ## ansible-test's own checks of the collection
	@tools/sanity

slowest = --durations=15 --durations-min=1

# `make test` counts what the tests reach; that takes half as long again as running them.
COVERAGE ?=
coverage = $(if $(COVERAGE),--cov --cov-report=term --cov-fail-under=95)

# Who waits for it gets a sample of the random tests and of the moments to be killed at, and no tests of programs.
quick = $(if $(HYPOTHESIS_PROFILE),,-m 'not programs')

# One more than there are cores: some tests wait, for a program's end or for a connection that nobody answers.
workers = $(shell echo $$(($$(nproc) + 1)))

unit: setup ## Tests without a host, quick; all of them: HYPOTHESIS_PROFILE=ci; COVERAGE=1 counts what they reach
	@pytest tests/unit tests/invariants tests/repository --quiet --numprocesses=$(workers) --dist=worksteal $(quick) $(slowest) $(coverage) $(PYTEST)

browser: setup ## The status page in a headless browser
	@tools/browser
	@pytest tests/browser $(slowest) $(PYTEST)

molecule: setup engine ## Scenarios on labs of their own
	@tools/lab sweep
	@ANSIBLE_STRATEGY_PLUGINS=$$($(PYTHON) tests/support/strategy.py) molecule test --all

readme: setup ## The README word for word, on a bare lab of its own
	@tools/lab sweep
	@pytest tests/e2e -m readme $(slowest) $(PYTEST)

e2e: setup engine ## The whole way, through SSH and the public ports, on a lab of its own
	@tools/lab sweep
	@pytest tests/e2e --ignore=tests/e2e/beside --ignore=tests/e2e/data --ignore=tests/e2e/samples -m 'not readme and not upgrade and not attack and not fault and not bench and not shapes' $(slowest) $(PYTEST)

beside: setup engine ## Services, jobs and more of what runs beside the apps, on a lab of their own
	@tools/lab sweep
	@pytest tests/e2e/beside -m 'not bench' $(slowest) $(PYTEST)

data: setup engine ## Databases and what keeps their data safe, on a lab of their own
	@tools/lab sweep
	@pytest tests/e2e/data -m 'not bench' $(slowest) $(PYTEST)

samples: setup engine ## The examples and their demos, each on a lab of its own
	@tools/lab sweep
	@pytest tests/e2e/samples -m 'not bench' $(slowest) $(PYTEST)

upgrade: setup engine ## A host of an earlier version, provisioned again by this one
	@tools/lab sweep
	@pytest tests/e2e -m upgrade $(slowest) $(PYTEST)

faults: setup engine ## Break things on purpose and watch production answer
	@tools/lab sweep
	@pytest tests/e2e -m fault $(slowest) $(PYTEST)

attack: setup engine ## Attack a lab as its visitors, its stacks' owners and pushed commits do; the table of it
	@tools/lab sweep
	@ONEHOST_ATTACKS=$(if $(ONEHOST_SHORT),,1) pytest tests/e2e/attacks $(slowest) $(PYTEST)

shapes: setup engine ## Send every shape of a request to an app directly and through the edge; the table of it
	@tools/lab sweep
	@pytest tests/e2e -m shapes $(slowest) $(PYTEST)

bench: setup engine ## Measure promote and rollback under load, 25 minutes; SHORT=1 the main figures, 4 minutes
	@tools/lab sweep
	@ONEHOST_SHORT=$(SHORT) pytest tests/e2e -m bench --capture=no $(PYTEST)

mutate: setup ## Change the engine on purpose and count what no test notices; long
	@$(PYTHON) tools/mutate.py

clean: ## Remove what tests and tools leave in this clone; .venv and the lab stay
	@rm -rf .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis tests/output coverage htmlcov .coverage
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
